// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';

export interface InvokeRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'method'?: (string);
  'argumentsJson'?: (string);
}

export interface InvokeRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'method': (string);
  'argumentsJson': (string);
}
