// Original file: protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext';
import type { Control as _viwo_imagegen_v1_Control, Control__Output as _viwo_imagegen_v1_Control__Output } from '../../../viwo/imagegen/v1/Control';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from '../../../viwo/imagegen/v1/GenerationOptions';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions';

export interface ApplyRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'prompt'?: (string);
  'controls'?: (_viwo_imagegen_v1_Control)[];
  'options'?: (_viwo_imagegen_v1_GenerationOptions | null);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
}

export interface ApplyRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'prompt': (string);
  'controls': (_viwo_imagegen_v1_Control__Output)[];
  'options': (_viwo_imagegen_v1_GenerationOptions__Output | null);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
}
