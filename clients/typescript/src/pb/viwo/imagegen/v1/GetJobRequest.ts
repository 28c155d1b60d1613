// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from '../../../google/protobuf/FieldMask.js';

export interface GetJobRequest {
  'id'?: (string);
  'readMask'?: (_google_protobuf_FieldMask | null);
  'includeData'?: (boolean);
}

export interface GetJobRequest__Output {
  'id': (string);
  'readMask': (_google_protobuf_FieldMask__Output | null);
  'includeData': (boolean);
}
