// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { MaskFit as _viwo_imagegen_v1_MaskFit, MaskFit__Output as _viwo_imagegen_v1_MaskFit__Output } from '../../../viwo/imagegen/v1/MaskFit.js';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from '../../../viwo/imagegen/v1/GenerationOptions.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';

export interface InpaintRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'mask'?: (_viwo_imagegen_v1_ImageSource | null);
  'prompt'?: (string);
  'strength'?: (number | string);
  'feather'?: (number);
  'cropPadding'?: (number);
  'maskFit'?: (_viwo_imagegen_v1_MaskFit);
  'options'?: (_viwo_imagegen_v1_GenerationOptions | null);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
  'maskThreshold'?: (number);
  '_strength'?: "strength";
  '_feather'?: "feather";
  '_cropPadding'?: "cropPadding";
  '_maskThreshold'?: "maskThreshold";
}

export interface InpaintRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'mask': (_viwo_imagegen_v1_ImageSource__Output | null);
  'prompt': (string);
  'strength'?: (number);
  'feather'?: (number);
  'cropPadding'?: (number);
  'maskFit': (_viwo_imagegen_v1_MaskFit__Output);
  'options': (_viwo_imagegen_v1_GenerationOptions__Output | null);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
  'maskThreshold'?: (number);
  '_strength'?: "strength";
  '_feather'?: "feather";
  '_cropPadding'?: "cropPadding";
  '_maskThreshold'?: "maskThreshold";
}
