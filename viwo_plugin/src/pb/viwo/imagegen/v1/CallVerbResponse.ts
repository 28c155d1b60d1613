// Original file: protos/viwo/imagegen/v1/entity.proto

import type { ImageEntity as _viwo_imagegen_v1_ImageEntity, ImageEntity__Output as _viwo_imagegen_v1_ImageEntity__Output } from '../../../viwo/imagegen/v1/ImageEntity';

export interface CallVerbResponse {
  'resultJson'?: (string);
  'entity'?: (_viwo_imagegen_v1_ImageEntity | null);
}

export interface CallVerbResponse__Output {
  'resultJson': (string);
  'entity': (_viwo_imagegen_v1_ImageEntity__Output | null);
}
