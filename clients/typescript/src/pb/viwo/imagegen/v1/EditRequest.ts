// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { EditOperation as _viwo_imagegen_v1_EditOperation, EditOperation__Output as _viwo_imagegen_v1_EditOperation__Output } from '../../../viwo/imagegen/v1/EditOperation.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from '../../../viwo/imagegen/v1/OutputOptions.js';

export interface EditRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'operations'?: (_viwo_imagegen_v1_EditOperation)[];
  'output'?: (_viwo_imagegen_v1_OutputOptions | null);
}

export interface EditRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'operations': (_viwo_imagegen_v1_EditOperation__Output)[];
  'output': (_viwo_imagegen_v1_OutputOptions__Output | null);
}
