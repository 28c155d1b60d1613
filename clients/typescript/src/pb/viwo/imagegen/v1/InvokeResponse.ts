// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface InvokeResponse {
  'resultJson'?: (string);
}

export interface InvokeResponse__Output {
  'resultJson': (string);
}
