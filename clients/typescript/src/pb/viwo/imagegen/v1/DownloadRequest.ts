// Original file: ../../protos/viwo/imagegen/v1/blob.proto


export interface DownloadRequest {
  'ref'?: (string);
}

export interface DownloadRequest__Output {
  'ref': (string);
}
