// Original file: ../../protos/viwo/imagegen/v1/job.proto


export interface ExportJobRequest {
  'id'?: (string);
}

export interface ExportJobRequest__Output {
  'id': (string);
}
