// Original file: ../../protos/viwo/imagegen/v1/job.proto


export interface CancelBatchRequest {
  'id'?: (string);
}

export interface CancelBatchRequest__Output {
  'id': (string);
}
