// Original file: ../../protos/viwo/imagegen/v1/job.proto


export interface WatchJobRequest {
  'id'?: (string);
  'previewEvery'?: (number);
}

export interface WatchJobRequest__Output {
  'id': (string);
  'previewEvery': (number);
}
