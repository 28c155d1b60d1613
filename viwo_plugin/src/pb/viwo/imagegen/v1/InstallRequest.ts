// Original file: protos/viwo/imagegen/v1/entity.proto


export interface InstallRequest {
}

export interface InstallRequest__Output {
}
