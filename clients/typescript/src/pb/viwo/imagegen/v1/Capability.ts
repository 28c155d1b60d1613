// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface Capability {
  'id'?: (string);
  'ownerId'?: (number | string | Long);
  'type'?: (string);
  'params'?: (_google_protobuf_Struct | null);
  'parentId'?: (string);
  'expireTime'?: (_google_protobuf_Timestamp | null);
}

export interface Capability__Output {
  'id': (string);
  'ownerId': (number);
  'type': (string);
  'params': (_google_protobuf_Struct__Output | null);
  'parentId': (string);
  'expireTime': (_google_protobuf_Timestamp__Output | null);
}
