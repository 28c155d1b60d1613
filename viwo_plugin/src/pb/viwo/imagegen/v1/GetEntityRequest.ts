// Original file: protos/viwo/imagegen/v1/entity.proto

import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from '../../../google/protobuf/FieldMask';
import type { Long } from '@grpc/proto-loader';

export interface GetEntityRequest {
  'id'?: (number | string | Long);
  'includeData'?: (boolean);
  'readMask'?: (_google_protobuf_FieldMask | null);
}

export interface GetEntityRequest__Output {
  'id': (number);
  'includeData': (boolean);
  'readMask': (_google_protobuf_FieldMask__Output | null);
}
