// Original file: ../../protos/viwo/imagegen/v1/blob.proto

import type { ImageFormat as _viwo_imagegen_v1_ImageFormat, ImageFormat__Output as _viwo_imagegen_v1_ImageFormat__Output } from '../../../viwo/imagegen/v1/ImageFormat.js';
import type { Long } from '@grpc/proto-loader';

export interface Blob {
  'ref'?: (string);
  'sizeBytes'?: (number | string | Long);
  'format'?: (_viwo_imagegen_v1_ImageFormat);
  'width'?: (number);
  'height'?: (number);
  'thumbnail'?: (string);
}

export interface Blob__Output {
  'ref': (string);
  'sizeBytes': (number);
  'format': (_viwo_imagegen_v1_ImageFormat__Output);
  'width': (number);
  'height': (number);
  'thumbnail': (string);
}
