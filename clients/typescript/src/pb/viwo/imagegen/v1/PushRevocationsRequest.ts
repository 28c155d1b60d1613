// Original file: ../../protos/viwo/imagegen/v1/capability.proto


export interface PushRevocationsRequest {
  'capabilityIds'?: (string)[];
}

export interface PushRevocationsRequest__Output {
  'capabilityIds': (string)[];
}
