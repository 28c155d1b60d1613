// Original file: ../../protos/viwo/imagegen/v1/job.proto


export interface GetBatchRequest {
  'id'?: (string);
}

export interface GetBatchRequest__Output {
  'id': (string);
}
