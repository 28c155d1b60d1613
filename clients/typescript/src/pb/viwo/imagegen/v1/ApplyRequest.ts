// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { Control as _viwo_imagegen_v1_Control, Control__Output as _viwo_imagegen_v1_Control__Output } from '../../../viwo/imagegen/v1/Control.js';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from '../../../viwo/imagegen/v1/GenerationOptions.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { MaskFit as _viwo_imagegen_v1_MaskFit, MaskFit__Output as _viwo_imagegen_v1_MaskFit__Output } from '../../../viwo/imagegen/v1/MaskFit.js';

export interface ApplyRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'prompt'?: (string);
  'controls'?: (_viwo_imagegen_v1_Control)[];
  'options'?: (_viwo_imagegen_v1_GenerationOptions | null);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
  'initImage'?: (_viwo_imagegen_v1_ImageSource | null);
  'mask'?: (_viwo_imagegen_v1_ImageSource | null);
  'denoiseStrength'?: (number | string);
  'feather'?: (number);
  'cropPadding'?: (number);
  'maskFit'?: (_viwo_imagegen_v1_MaskFit);
  'maskThreshold'?: (number);
  '_initImage'?: "initImage";
  '_mask'?: "mask";
  '_denoiseStrength'?: "denoiseStrength";
  '_feather'?: "feather";
  '_cropPadding'?: "cropPadding";
  '_maskThreshold'?: "maskThreshold";
}

export interface ApplyRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'prompt': (string);
  'controls': (_viwo_imagegen_v1_Control__Output)[];
  'options': (_viwo_imagegen_v1_GenerationOptions__Output | null);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
  'initImage'?: (_viwo_imagegen_v1_ImageSource__Output | null);
  'mask'?: (_viwo_imagegen_v1_ImageSource__Output | null);
  'denoiseStrength'?: (number);
  'feather'?: (number);
  'cropPadding'?: (number);
  'maskFit': (_viwo_imagegen_v1_MaskFit__Output);
  'maskThreshold'?: (number);
  '_initImage'?: "initImage";
  '_mask'?: "mask";
  '_denoiseStrength'?: "denoiseStrength";
  '_feather'?: "feather";
  '_cropPadding'?: "cropPadding";
  '_maskThreshold'?: "maskThreshold";
}
