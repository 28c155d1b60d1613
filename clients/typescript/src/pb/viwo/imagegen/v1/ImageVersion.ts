// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.js';

export interface ImageVersion {
  'version'?: (number);
  'ref'?: (string);
  'verb'?: (string);
  'argumentsJson'?: (string);
  'derivedFrom'?: (string);
  'createTime'?: (_google_protobuf_Timestamp | null);
}

export interface ImageVersion__Output {
  'version': (number);
  'ref': (string);
  'verb': (string);
  'argumentsJson': (string);
  'derivedFrom': (string);
  'createTime': (_google_protobuf_Timestamp__Output | null);
}
