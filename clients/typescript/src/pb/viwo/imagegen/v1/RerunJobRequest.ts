// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';

export interface RerunJobRequest {
  'id'?: (string);
  'context'?: (_viwo_imagegen_v1_CallContext | null);
}

export interface RerunJobRequest__Output {
  'id': (string);
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
}
