// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Long } from '@grpc/proto-loader';

export interface RevokeRequest {
  'id'?: (string);
  'callerId'?: (number | string | Long);
}

export interface RevokeRequest__Output {
  'id': (string);
  'callerId': (number);
}
