// Original file: protos/viwo/imagegen/v1/entity.proto

import type { Long } from '@grpc/proto-loader';

export interface ListEntitiesRequest {
  'roomId'?: (number | string | Long);
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListEntitiesRequest__Output {
  'roomId': (number);
  'pageSize': (number);
  'pageToken': (string);
}
