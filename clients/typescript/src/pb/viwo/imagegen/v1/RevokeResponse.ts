// Original file: ../../protos/viwo/imagegen/v1/capability.proto


export interface RevokeResponse {
  'revokedIds'?: (string)[];
}

export interface RevokeResponse__Output {
  'revokedIds': (string)[];
}
