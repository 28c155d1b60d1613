// Original file: ../../protos/viwo/imagegen/v1/blob.proto


export interface UploadRequest {
  'chunk'?: (Buffer | Uint8Array | string);
}

export interface UploadRequest__Output {
  'chunk': (Buffer);
}
