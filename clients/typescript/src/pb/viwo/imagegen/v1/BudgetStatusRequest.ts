// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';

export interface BudgetStatusRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
}

export interface BudgetStatusRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
}
