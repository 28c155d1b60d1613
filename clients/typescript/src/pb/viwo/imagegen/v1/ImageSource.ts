// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Long } from '@grpc/proto-loader';

export interface ImageSource {
  'data'?: (Buffer | Uint8Array | string);
  'ref'?: (string);
  'entityId'?: (number | string | Long);
  'source'?: "data"|"ref"|"entityId";
}

export interface ImageSource__Output {
  'data'?: (Buffer);
  'ref'?: (string);
  'entityId'?: (number);
  'source'?: "data"|"ref"|"entityId";
}
