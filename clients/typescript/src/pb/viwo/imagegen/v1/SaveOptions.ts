// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Long } from '@grpc/proto-loader';

export interface SaveOptions {
  'name'?: (string);
  'description'?: (string);
  'roomId'?: (number | string | Long);
  'canvasId'?: (number | string | Long);
}

export interface SaveOptions__Output {
  'name': (string);
  'description': (string);
  'roomId': (number);
  'canvasId': (number);
}
