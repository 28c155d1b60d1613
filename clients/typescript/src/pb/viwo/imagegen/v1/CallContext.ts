// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Long } from '@grpc/proto-loader';

export interface CallContext {
  'capabilityId'?: (string);
  'callerId'?: (number | string | Long);
  'thisId'?: (number | string | Long);
  'capabilityStatement'?: (string);
}

export interface CallContext__Output {
  'capabilityId': (string);
  'callerId': (number);
  'thisId': (number);
  'capabilityStatement': (string);
}
