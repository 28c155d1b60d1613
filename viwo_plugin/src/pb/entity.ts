import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration';
import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from './google/protobuf/FieldMask';
import type { ListValue as _google_protobuf_ListValue, ListValue__Output as _google_protobuf_ListValue__Output } from './google/protobuf/ListValue';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from './google/protobuf/Struct';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp';
import type { Value as _google_protobuf_Value, Value__Output as _google_protobuf_Value__Output } from './google/protobuf/Value';
import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from './viwo/imagegen/v1/CallContext';
import type { CallVerbRequest as _viwo_imagegen_v1_CallVerbRequest, CallVerbRequest__Output as _viwo_imagegen_v1_CallVerbRequest__Output } from './viwo/imagegen/v1/CallVerbRequest';
import type { CallVerbResponse as _viwo_imagegen_v1_CallVerbResponse, CallVerbResponse__Output as _viwo_imagegen_v1_CallVerbResponse__Output } from './viwo/imagegen/v1/CallVerbResponse';
import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from './viwo/imagegen/v1/Cost';
import type { EntityServiceClient as _viwo_imagegen_v1_EntityServiceClient, EntityServiceDefinition as _viwo_imagegen_v1_EntityServiceDefinition } from './viwo/imagegen/v1/EntityService';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from './viwo/imagegen/v1/Failure';
import type { GetEntityRequest as _viwo_imagegen_v1_GetEntityRequest, GetEntityRequest__Output as _viwo_imagegen_v1_GetEntityRequest__Output } from './viwo/imagegen/v1/GetEntityRequest';
import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from './viwo/imagegen/v1/Image';
import type { ImageEntity as _viwo_imagegen_v1_ImageEntity, ImageEntity__Output as _viwo_imagegen_v1_ImageEntity__Output } from './viwo/imagegen/v1/ImageEntity';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from './viwo/imagegen/v1/ImageSource';
import type { ImageVersion as _viwo_imagegen_v1_ImageVersion, ImageVersion__Output as _viwo_imagegen_v1_ImageVersion__Output } from './viwo/imagegen/v1/ImageVersion';
import type { InstallRequest as _viwo_imagegen_v1_InstallRequest, InstallRequest__Output as _viwo_imagegen_v1_InstallRequest__Output } from './viwo/imagegen/v1/InstallRequest';
import type { InstallResponse as _viwo_imagegen_v1_InstallResponse, InstallResponse__Output as _viwo_imagegen_v1_InstallResponse__Output } from './viwo/imagegen/v1/InstallResponse';
import type { JobOptions as _viwo_imagegen_v1_JobOptions, JobOptions__Output as _viwo_imagegen_v1_JobOptions__Output } from './viwo/imagegen/v1/JobOptions';
import type { ListEntitiesRequest as _viwo_imagegen_v1_ListEntitiesRequest, ListEntitiesRequest__Output as _viwo_imagegen_v1_ListEntitiesRequest__Output } from './viwo/imagegen/v1/ListEntitiesRequest';
import type { ListEntitiesResponse as _viwo_imagegen_v1_ListEntitiesResponse, ListEntitiesResponse__Output as _viwo_imagegen_v1_ListEntitiesResponse__Output } from './viwo/imagegen/v1/ListEntitiesResponse';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from './viwo/imagegen/v1/OutputOptions';
import type { SaveImageRequest as _viwo_imagegen_v1_SaveImageRequest, SaveImageRequest__Output as _viwo_imagegen_v1_SaveImageRequest__Output } from './viwo/imagegen/v1/SaveImageRequest';
import type { SaveOptions as _viwo_imagegen_v1_SaveOptions, SaveOptions__Output as _viwo_imagegen_v1_SaveOptions__Output } from './viwo/imagegen/v1/SaveOptions';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      FieldMask: MessageTypeDefinition<_google_protobuf_FieldMask, _google_protobuf_FieldMask__Output>
      ListValue: MessageTypeDefinition<_google_protobuf_ListValue, _google_protobuf_ListValue__Output>
      NullValue: EnumTypeDefinition
      Struct: MessageTypeDefinition<_google_protobuf_Struct, _google_protobuf_Struct__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
      Value: MessageTypeDefinition<_google_protobuf_Value, _google_protobuf_Value__Output>
    }
  }
  viwo: {
    imagegen: {
      v1: {
        CallContext: MessageTypeDefinition<_viwo_imagegen_v1_CallContext, _viwo_imagegen_v1_CallContext__Output>
        CallVerbRequest: MessageTypeDefinition<_viwo_imagegen_v1_CallVerbRequest, _viwo_imagegen_v1_CallVerbRequest__Output>
        CallVerbResponse: MessageTypeDefinition<_viwo_imagegen_v1_CallVerbResponse, _viwo_imagegen_v1_CallVerbResponse__Output>
        Cost: MessageTypeDefinition<_viwo_imagegen_v1_Cost, _viwo_imagegen_v1_Cost__Output>
        DisconnectPolicy: EnumTypeDefinition
        EntityService: SubtypeConstructor<typeof grpc.Client, _viwo_imagegen_v1_EntityServiceClient> & { service: _viwo_imagegen_v1_EntityServiceDefinition }
        Failure: MessageTypeDefinition<_viwo_imagegen_v1_Failure, _viwo_imagegen_v1_Failure__Output>
        GetEntityRequest: MessageTypeDefinition<_viwo_imagegen_v1_GetEntityRequest, _viwo_imagegen_v1_GetEntityRequest__Output>
        Image: MessageTypeDefinition<_viwo_imagegen_v1_Image, _viwo_imagegen_v1_Image__Output>
        ImageEntity: MessageTypeDefinition<_viwo_imagegen_v1_ImageEntity, _viwo_imagegen_v1_ImageEntity__Output>
        ImageFormat: EnumTypeDefinition
        ImageSource: MessageTypeDefinition<_viwo_imagegen_v1_ImageSource, _viwo_imagegen_v1_ImageSource__Output>
        ImageVersion: MessageTypeDefinition<_viwo_imagegen_v1_ImageVersion, _viwo_imagegen_v1_ImageVersion__Output>
        InstallRequest: MessageTypeDefinition<_viwo_imagegen_v1_InstallRequest, _viwo_imagegen_v1_InstallRequest__Output>
        InstallResponse: MessageTypeDefinition<_viwo_imagegen_v1_InstallResponse, _viwo_imagegen_v1_InstallResponse__Output>
        JobOptions: MessageTypeDefinition<_viwo_imagegen_v1_JobOptions, _viwo_imagegen_v1_JobOptions__Output>
        ListEntitiesRequest: MessageTypeDefinition<_viwo_imagegen_v1_ListEntitiesRequest, _viwo_imagegen_v1_ListEntitiesRequest__Output>
        ListEntitiesResponse: MessageTypeDefinition<_viwo_imagegen_v1_ListEntitiesResponse, _viwo_imagegen_v1_ListEntitiesResponse__Output>
        OutputOptions: MessageTypeDefinition<_viwo_imagegen_v1_OutputOptions, _viwo_imagegen_v1_OutputOptions__Output>
        Reuse: EnumTypeDefinition
        SaveImageRequest: MessageTypeDefinition<_viwo_imagegen_v1_SaveImageRequest, _viwo_imagegen_v1_SaveImageRequest__Output>
        SaveOptions: MessageTypeDefinition<_viwo_imagegen_v1_SaveOptions, _viwo_imagegen_v1_SaveOptions__Output>
      }
    }
  }
}

