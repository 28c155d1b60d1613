// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from '../../../viwo/imagegen/v1/GenerationOptions.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';
import type { HiresFix as _viwo_imagegen_v1_HiresFix, HiresFix__Output as _viwo_imagegen_v1_HiresFix__Output } from '../../../viwo/imagegen/v1/HiresFix.js';

export interface TextToImageRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'prompt'?: (string);
  'options'?: (_viwo_imagegen_v1_GenerationOptions | null);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
  'hiresFix'?: (_viwo_imagegen_v1_HiresFix | null);
}

export interface TextToImageRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'prompt': (string);
  'options': (_viwo_imagegen_v1_GenerationOptions__Output | null);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
  'hiresFix': (_viwo_imagegen_v1_HiresFix__Output | null);
}
