// Original file: ../../protos/viwo/imagegen/v1/blob.proto


export interface DescribeBlobRequest {
  'ref'?: (string);
}

export interface DescribeBlobRequest__Output {
  'ref': (string);
}
