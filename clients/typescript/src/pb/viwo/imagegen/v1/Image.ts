// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { ImageFormat as _viwo_imagegen_v1_ImageFormat, ImageFormat__Output as _viwo_imagegen_v1_ImageFormat__Output } from '../../../viwo/imagegen/v1/ImageFormat.js';
import type { Long } from '@grpc/proto-loader';

export interface Image {
  'data'?: (Buffer | Uint8Array | string);
  'ref'?: (string);
  'format'?: (_viwo_imagegen_v1_ImageFormat);
  'width'?: (number);
  'height'?: (number);
  'sizeBytes'?: (number | string | Long);
  'seed'?: (number | string | Long);
  'entityId'?: (number | string | Long);
  '_seed'?: "seed";
}

export interface Image__Output {
  'data': (Buffer);
  'ref': (string);
  'format': (_viwo_imagegen_v1_ImageFormat__Output);
  'width': (number);
  'height': (number);
  'sizeBytes': (number);
  'seed'?: (number);
  'entityId': (number);
  '_seed'?: "seed";
}
