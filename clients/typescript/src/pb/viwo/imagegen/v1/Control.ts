// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource.js';

export interface Control {
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'type'?: (string);
  'modelId'?: (string);
  'strength'?: (number | string);
  'guidanceStart'?: (number | string);
  'guidanceEnd'?: (number | string);
  'preprocess'?: (boolean);
  '_modelId'?: "modelId";
  '_strength'?: "strength";
  '_guidanceStart'?: "guidanceStart";
  '_guidanceEnd'?: "guidanceEnd";
  '_preprocess'?: "preprocess";
}

export interface Control__Output {
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'type': (string);
  'modelId'?: (string);
  'strength'?: (number);
  'guidanceStart'?: (number);
  'guidanceEnd'?: (number);
  'preprocess'?: (boolean);
  '_modelId'?: "modelId";
  '_strength'?: "strength";
  '_guidanceStart'?: "guidanceStart";
  '_guidanceEnd'?: "guidanceEnd";
  '_preprocess'?: "preprocess";
}
