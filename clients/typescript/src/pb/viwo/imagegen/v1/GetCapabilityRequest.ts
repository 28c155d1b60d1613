// Original file: ../../protos/viwo/imagegen/v1/capability.proto


export interface GetCapabilityRequest {
  'id'?: (string);
}

export interface GetCapabilityRequest__Output {
  'id': (string);
}
