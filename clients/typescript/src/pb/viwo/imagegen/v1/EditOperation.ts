// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { Transform as _viwo_imagegen_v1_Transform, Transform__Output as _viwo_imagegen_v1_Transform__Output } from '../../../viwo/imagegen/v1/Transform.js';
import type { Filter as _viwo_imagegen_v1_Filter, Filter__Output as _viwo_imagegen_v1_Filter__Output } from '../../../viwo/imagegen/v1/Filter.js';
import type { Composite as _viwo_imagegen_v1_Composite, Composite__Output as _viwo_imagegen_v1_Composite__Output } from '../../../viwo/imagegen/v1/Composite.js';
import type { Crop as _viwo_imagegen_v1_Crop, Crop__Output as _viwo_imagegen_v1_Crop__Output } from '../../../viwo/imagegen/v1/Crop.js';
import type { Resize as _viwo_imagegen_v1_Resize, Resize__Output as _viwo_imagegen_v1_Resize__Output } from '../../../viwo/imagegen/v1/Resize.js';
import type { RemoveBackground as _viwo_imagegen_v1_RemoveBackground, RemoveBackground__Output as _viwo_imagegen_v1_RemoveBackground__Output } from '../../../viwo/imagegen/v1/RemoveBackground.js';

export interface EditOperation {
  'transform'?: (_viwo_imagegen_v1_Transform | null);
  'filter'?: (_viwo_imagegen_v1_Filter | null);
  'composite'?: (_viwo_imagegen_v1_Composite | null);
  'crop'?: (_viwo_imagegen_v1_Crop | null);
  'resize'?: (_viwo_imagegen_v1_Resize | null);
  'removeBackground'?: (_viwo_imagegen_v1_RemoveBackground | null);
  'operation'?: "transform"|"filter"|"composite"|"crop"|"resize"|"removeBackground";
}

export interface EditOperation__Output {
  'transform'?: (_viwo_imagegen_v1_Transform__Output | null);
  'filter'?: (_viwo_imagegen_v1_Filter__Output | null);
  'composite'?: (_viwo_imagegen_v1_Composite__Output | null);
  'crop'?: (_viwo_imagegen_v1_Crop__Output | null);
  'resize'?: (_viwo_imagegen_v1_Resize__Output | null);
  'removeBackground'?: (_viwo_imagegen_v1_RemoveBackground__Output | null);
  'operation'?: "transform"|"filter"|"composite"|"crop"|"resize"|"removeBackground";
}
