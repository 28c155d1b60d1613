// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Long } from '@grpc/proto-loader';

export interface GiveRequest {
  'id'?: (string);
  'callerId'?: (number | string | Long);
  'targetId'?: (number | string | Long);
}

export interface GiveRequest__Output {
  'id': (string);
  'callerId': (number);
  'targetId': (number);
}
