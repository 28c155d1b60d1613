// Original file: protos/viwo/imagegen/v1/entity.proto

import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from '../../../viwo/imagegen/v1/ImageSource';
import type { SaveOptions as _viwo_imagegen_v1_SaveOptions, SaveOptions__Output as _viwo_imagegen_v1_SaveOptions__Output } from '../../../viwo/imagegen/v1/SaveOptions';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct';

export interface SaveImageRequest {
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'image'?: (_viwo_imagegen_v1_ImageSource | null);
  'options'?: (_viwo_imagegen_v1_SaveOptions | null);
  'metadata'?: (_google_protobuf_Struct | null);
}

export interface SaveImageRequest__Output {
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'image': (_viwo_imagegen_v1_ImageSource__Output | null);
  'options': (_viwo_imagegen_v1_SaveOptions__Output | null);
  'metadata': (_google_protobuf_Struct__Output | null);
}
