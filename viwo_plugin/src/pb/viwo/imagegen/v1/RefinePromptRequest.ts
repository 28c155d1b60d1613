// Original file: protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext';

export interface RefinePromptRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'prompt'?: (string);
  'modelId'?: (string);
  '_modelId'?: "modelId";
}

export interface RefinePromptRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'prompt': (string);
  'modelId'?: (string);
  '_modelId'?: "modelId";
}
