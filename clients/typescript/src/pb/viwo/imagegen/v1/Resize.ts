// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { ResampleMethod as _viwo_imagegen_v1_ResampleMethod, ResampleMethod__Output as _viwo_imagegen_v1_ResampleMethod__Output } from '../../../viwo/imagegen/v1/ResampleMethod.js';

export interface Resize {
  'width'?: (number);
  'height'?: (number);
  'method'?: (_viwo_imagegen_v1_ResampleMethod);
}

export interface Resize__Output {
  'width': (number);
  'height': (number);
  'method': (_viwo_imagegen_v1_ResampleMethod__Output);
}
