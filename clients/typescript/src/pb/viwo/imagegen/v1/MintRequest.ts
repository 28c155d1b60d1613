// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct.js';
import type { Long } from '@grpc/proto-loader';

export interface MintRequest {
  'authorityId'?: (string);
  'callerId'?: (number | string | Long);
  'type'?: (string);
  'params'?: (_google_protobuf_Struct | null);
  'targetId'?: (number | string | Long);
}

export interface MintRequest__Output {
  'authorityId': (string);
  'callerId': (number);
  'type': (string);
  'params': (_google_protobuf_Struct__Output | null);
  'targetId': (number);
}
