// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.js';
import type { Reuse as _viwo_imagegen_v1_Reuse, Reuse__Output as _viwo_imagegen_v1_Reuse__Output } from '../../../viwo/imagegen/v1/Reuse.js';

export interface JobOptions {
  'priority'?: (number);
  'timeout'?: (_google_protobuf_Duration | null);
  'reuse'?: (_viwo_imagegen_v1_Reuse);
}

export interface JobOptions__Output {
  'priority': (number);
  'timeout': (_google_protobuf_Duration__Output | null);
  'reuse': (_viwo_imagegen_v1_Reuse__Output);
}
