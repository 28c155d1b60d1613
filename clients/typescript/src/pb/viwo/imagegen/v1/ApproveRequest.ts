// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct.js';

export interface ApproveRequest {
  'id'?: (string);
  'world'?: (string);
  'params'?: (_google_protobuf_Struct | null);
}

export interface ApproveRequest__Output {
  'id': (string);
  'world': (string);
  'params': (_google_protobuf_Struct__Output | null);
}
