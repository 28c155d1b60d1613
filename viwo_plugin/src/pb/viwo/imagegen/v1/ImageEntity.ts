// Original file: protos/viwo/imagegen/v1/entity.proto

import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from '../../../viwo/imagegen/v1/Image';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct';
import type { ImageVersion as _viwo_imagegen_v1_ImageVersion, ImageVersion__Output as _viwo_imagegen_v1_ImageVersion__Output } from '../../../viwo/imagegen/v1/ImageVersion';
import type { Long } from '@grpc/proto-loader';

export interface ImageEntity {
  'id'?: (number | string | Long);
  'prototypeId'?: (number | string | Long);
  'name'?: (string);
  'location'?: (number | string | Long);
  'image'?: (_viwo_imagegen_v1_Image | null);
  'version'?: (number);
  'metadata'?: (_google_protobuf_Struct | null);
  'history'?: (_viwo_imagegen_v1_ImageVersion)[];
  'thumbnail'?: (string);
}

export interface ImageEntity__Output {
  'id': (number);
  'prototypeId': (number);
  'name': (string);
  'location': (number);
  'image': (_viwo_imagegen_v1_Image__Output | null);
  'version': (number);
  'metadata': (_google_protobuf_Struct__Output | null);
  'history': (_viwo_imagegen_v1_ImageVersion__Output)[];
  'thumbnail': (string);
}
