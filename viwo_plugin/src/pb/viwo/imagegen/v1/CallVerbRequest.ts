// Original file: protos/viwo/imagegen/v1/entity.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext';
import type { Long } from '@grpc/proto-loader';

export interface CallVerbRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'entityId'?: (number | string | Long);
  'verb'?: (string);
  'argumentsJson'?: (string);
}

export interface CallVerbRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'entityId': (number);
  'verb': (string);
  'argumentsJson': (string);
}
