// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from '../../../viwo/imagegen/v1/Cost.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.js';

export interface Budget {
  'scope'?: (string);
  'period'?: (string);
  'cap'?: (_viwo_imagegen_v1_Cost | null);
  'spent'?: (_viwo_imagegen_v1_Cost | null);
  'resetTime'?: (_google_protobuf_Timestamp | null);
  'account'?: (string);
  'remaining'?: (_viwo_imagegen_v1_Cost | null);
  'capsCompute'?: (boolean);
  'capsMoney'?: (boolean);
}

export interface Budget__Output {
  'scope': (string);
  'period': (string);
  'cap': (_viwo_imagegen_v1_Cost__Output | null);
  'spent': (_viwo_imagegen_v1_Cost__Output | null);
  'resetTime': (_google_protobuf_Timestamp__Output | null);
  'account': (string);
  'remaining': (_viwo_imagegen_v1_Cost__Output | null);
  'capsCompute': (boolean);
  'capsMoney': (boolean);
}
