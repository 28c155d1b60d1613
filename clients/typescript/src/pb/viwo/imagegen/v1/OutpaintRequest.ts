// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from '../../../viwo/imagegen/v1/GenerationOptions.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';

export interface OutpaintRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'prompt'?: (string);
  'left'?: (number);
  'right'?: (number);
  'top'?: (number);
  'bottom'?: (number);
  'feather'?: (number);
  'options'?: (_viwo_imagegen_v1_GenerationOptions | null);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
  '_feather'?: "feather";
}

export interface OutpaintRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'prompt': (string);
  'left': (number);
  'right': (number);
  'top': (number);
  'bottom': (number);
  'feather'?: (number);
  'options': (_viwo_imagegen_v1_GenerationOptions__Output | null);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
  '_feather'?: "feather";
}
