// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct.js';
import type { Long } from '@grpc/proto-loader';

export interface DelegateRequest {
  'parentId'?: (string);
  'callerId'?: (number | string | Long);
  'restrictions'?: (_google_protobuf_Struct | null);
  'parentStatement'?: (string);
}

export interface DelegateRequest__Output {
  'parentId': (string);
  'callerId': (number);
  'restrictions': (_google_protobuf_Struct__Output | null);
  'parentStatement': (string);
}
