// Original file: ../../protos/viwo/imagegen/v1/job.proto


export interface CancelJobRequest {
  'id'?: (string);
}

export interface CancelJobRequest__Output {
  'id': (string);
}
