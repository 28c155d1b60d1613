// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';

export interface ConvertRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'preserveMetadata'?: (boolean);
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
  '_preserveMetadata'?: "preserveMetadata";
}

export interface ConvertRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'preserveMetadata'?: (boolean);
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
  '_preserveMetadata'?: "preserveMetadata";
}
