// Original file: ../../protos/viwo/imagegen/v1/job.proto


export interface JobDocument {
  'documentJson'?: (string);
}

export interface JobDocument__Output {
  'documentJson': (string);
}
