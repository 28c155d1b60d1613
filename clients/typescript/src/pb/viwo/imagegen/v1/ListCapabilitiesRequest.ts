// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Long } from '@grpc/proto-loader';

export interface ListCapabilitiesRequest {
  'ownerId'?: (number | string | Long);
  'type'?: (string);
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListCapabilitiesRequest__Output {
  'ownerId': (number);
  'type': (string);
  'pageSize': (number);
  'pageToken': (string);
}
