// Original file: protos/viwo/imagegen/v1/entity.proto

import type { ImageEntity as _viwo_imagegen_v1_ImageEntity, ImageEntity__Output as _viwo_imagegen_v1_ImageEntity__Output } from '../../../viwo/imagegen/v1/ImageEntity';

export interface ListEntitiesResponse {
  'entities'?: (_viwo_imagegen_v1_ImageEntity)[];
  'nextPageToken'?: (string);
}

export interface ListEntitiesResponse__Output {
  'entities': (_viwo_imagegen_v1_ImageEntity__Output)[];
  'nextPageToken': (string);
}
