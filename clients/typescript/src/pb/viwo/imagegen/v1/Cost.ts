// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Long } from '@grpc/proto-loader';

export interface Cost {
  'compute'?: (number | string);
  'moneyMicros'?: (number | string | Long);
  'currency'?: (string);
}

export interface Cost__Output {
  'compute': (number);
  'moneyMicros': (number);
  'currency': (string);
}
