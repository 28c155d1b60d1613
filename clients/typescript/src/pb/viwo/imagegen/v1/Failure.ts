// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.js';

export interface Failure {
  'code'?: (string);
  'message'?: (string);
  'reason'?: (string);
  'field'?: (string);
  'limit'?: (string);
  'asked'?: (string);
  'retryDelay'?: (_google_protobuf_Duration | null);
  'account'?: (string);
  'remaining'?: (string);
}

export interface Failure__Output {
  'code': (string);
  'message': (string);
  'reason': (string);
  'field': (string);
  'limit': (string);
  'asked': (string);
  'retryDelay': (_google_protobuf_Duration__Output | null);
  'account': (string);
  'remaining': (string);
}
