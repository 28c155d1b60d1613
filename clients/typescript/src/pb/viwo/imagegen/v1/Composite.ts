// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';
import type { BlendMode as _viwo_imagegen_v1_BlendMode, BlendMode__Output as _viwo_imagegen_v1_BlendMode__Output } from '../../../viwo/imagegen/v1/BlendMode.js';

export interface Composite {
  'overlay'?: (_viwo_imagegen_v1_ImageSource | null);
  'x'?: (number);
  'y'?: (number);
  'blend'?: (_viwo_imagegen_v1_BlendMode);
}

export interface Composite__Output {
  'overlay': (_viwo_imagegen_v1_ImageSource__Output | null);
  'x': (number);
  'y': (number);
  'blend': (_viwo_imagegen_v1_BlendMode__Output);
}
