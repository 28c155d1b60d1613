// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from '../../../viwo/imagegen/v1/Image.js';
import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from '../../../viwo/imagegen/v1/Cost.js';

export interface ImageResponse {
  'images'?: (_viwo_imagegen_v1_Image)[];
  'jobId'?: (string);
  'cost'?: (_viwo_imagegen_v1_Cost | null);
  'modelId'?: (string);
  'workSeconds'?: (number | string);
  'warnings'?: (string)[];
}

export interface ImageResponse__Output {
  'images': (_viwo_imagegen_v1_Image__Output)[];
  'jobId': (string);
  'cost': (_viwo_imagegen_v1_Cost__Output | null);
  'modelId': (string);
  'workSeconds': (number);
  'warnings': (string)[];
}
