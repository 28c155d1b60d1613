// Original file: ../../protos/viwo/imagegen/v1/capability.proto


export interface PushRevocationsResponse {
}

export interface PushRevocationsResponse__Output {
}
