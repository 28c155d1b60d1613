// Original file: ../../protos/viwo/imagegen/v1/blob.proto

import type { Blob as _viwo_imagegen_v1_Blob, Blob__Output as _viwo_imagegen_v1_Blob__Output } from '../../../viwo/imagegen/v1/Blob.js';

export interface DownloadResponse {
  'blob'?: (_viwo_imagegen_v1_Blob | null);
  'chunk'?: (Buffer | Uint8Array | string);
}

export interface DownloadResponse__Output {
  'blob': (_viwo_imagegen_v1_Blob__Output | null);
  'chunk': (Buffer);
}
