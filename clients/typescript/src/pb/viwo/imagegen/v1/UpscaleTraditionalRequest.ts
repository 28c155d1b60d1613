// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { ResampleMethod as _viwo_imagegen_v1_ResampleMethod, ResampleMethod__Output as _viwo_imagegen_v1_ResampleMethod__Output } from '../../../viwo/imagegen/v1/ResampleMethod.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';

export interface UpscaleTraditionalRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'method'?: (_viwo_imagegen_v1_ResampleMethod);
  'factor'?: (number);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
}

export interface UpscaleTraditionalRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'method': (_viwo_imagegen_v1_ResampleMethod__Output);
  'factor': (number);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
}
