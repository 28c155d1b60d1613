// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';

export interface ControlTypesRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
}

export interface ControlTypesRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
}
