// Original file: protos/viwo/imagegen/v1/entity.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CallVerbRequest as _viwo_imagegen_v1_CallVerbRequest, CallVerbRequest__Output as _viwo_imagegen_v1_CallVerbRequest__Output } from '../../../viwo/imagegen/v1/CallVerbRequest';
import type { CallVerbResponse as _viwo_imagegen_v1_CallVerbResponse, CallVerbResponse__Output as _viwo_imagegen_v1_CallVerbResponse__Output } from '../../../viwo/imagegen/v1/CallVerbResponse';
import type { GetEntityRequest as _viwo_imagegen_v1_GetEntityRequest, GetEntityRequest__Output as _viwo_imagegen_v1_GetEntityRequest__Output } from '../../../viwo/imagegen/v1/GetEntityRequest';
import type { ImageEntity as _viwo_imagegen_v1_ImageEntity, ImageEntity__Output as _viwo_imagegen_v1_ImageEntity__Output } from '../../../viwo/imagegen/v1/ImageEntity';
import type { InstallRequest as _viwo_imagegen_v1_InstallRequest, InstallRequest__Output as _viwo_imagegen_v1_InstallRequest__Output } from '../../../viwo/imagegen/v1/InstallRequest';
import type { InstallResponse as _viwo_imagegen_v1_InstallResponse, InstallResponse__Output as _viwo_imagegen_v1_InstallResponse__Output } from '../../../viwo/imagegen/v1/InstallResponse';
import type { ListEntitiesRequest as _viwo_imagegen_v1_ListEntitiesRequest, ListEntitiesRequest__Output as _viwo_imagegen_v1_ListEntitiesRequest__Output } from '../../../viwo/imagegen/v1/ListEntitiesRequest';
import type { ListEntitiesResponse as _viwo_imagegen_v1_ListEntitiesResponse, ListEntitiesResponse__Output as _viwo_imagegen_v1_ListEntitiesResponse__Output } from '../../../viwo/imagegen/v1/ListEntitiesResponse';
import type { SaveImageRequest as _viwo_imagegen_v1_SaveImageRequest, SaveImageRequest__Output as _viwo_imagegen_v1_SaveImageRequest__Output } from '../../../viwo/imagegen/v1/SaveImageRequest';

export interface EntityServiceClient extends grpc.Client {
  CallVerb(argument: _viwo_imagegen_v1_CallVerbRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  CallVerb(argument: _viwo_imagegen_v1_CallVerbRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  CallVerb(argument: _viwo_imagegen_v1_CallVerbRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  CallVerb(argument: _viwo_imagegen_v1_CallVerbRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  callVerb(argument: _viwo_imagegen_v1_CallVerbRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  callVerb(argument: _viwo_imagegen_v1_CallVerbRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  callVerb(argument: _viwo_imagegen_v1_CallVerbRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  callVerb(argument: _viwo_imagegen_v1_CallVerbRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_CallVerbResponse__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _viwo_imagegen_v1_GetEntityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetEntityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetEntityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetEntityRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetEntityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetEntityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetEntityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetEntityRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  
  Install(argument: _viwo_imagegen_v1_InstallRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  Install(argument: _viwo_imagegen_v1_InstallRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  Install(argument: _viwo_imagegen_v1_InstallRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  Install(argument: _viwo_imagegen_v1_InstallRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  install(argument: _viwo_imagegen_v1_InstallRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  install(argument: _viwo_imagegen_v1_InstallRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  install(argument: _viwo_imagegen_v1_InstallRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  install(argument: _viwo_imagegen_v1_InstallRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_InstallResponse__Output>): grpc.ClientUnaryCall;
  
  List(argument: _viwo_imagegen_v1_ListEntitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListEntitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListEntitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListEntitiesRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListEntitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListEntitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListEntitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListEntitiesRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ListEntitiesResponse__Output>): grpc.ClientUnaryCall;
  
  SaveImage(argument: _viwo_imagegen_v1_SaveImageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  SaveImage(argument: _viwo_imagegen_v1_SaveImageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  SaveImage(argument: _viwo_imagegen_v1_SaveImageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  SaveImage(argument: _viwo_imagegen_v1_SaveImageRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  saveImage(argument: _viwo_imagegen_v1_SaveImageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  saveImage(argument: _viwo_imagegen_v1_SaveImageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  saveImage(argument: _viwo_imagegen_v1_SaveImageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  saveImage(argument: _viwo_imagegen_v1_SaveImageRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageEntity__Output>): grpc.ClientUnaryCall;
  
}

export interface EntityServiceHandlers extends grpc.UntypedServiceImplementation {
  CallVerb: grpc.handleUnaryCall<_viwo_imagegen_v1_CallVerbRequest__Output, _viwo_imagegen_v1_CallVerbResponse>;
  
  Get: grpc.handleUnaryCall<_viwo_imagegen_v1_GetEntityRequest__Output, _viwo_imagegen_v1_ImageEntity>;
  
  Install: grpc.handleUnaryCall<_viwo_imagegen_v1_InstallRequest__Output, _viwo_imagegen_v1_InstallResponse>;
  
  List: grpc.handleUnaryCall<_viwo_imagegen_v1_ListEntitiesRequest__Output, _viwo_imagegen_v1_ListEntitiesResponse>;
  
  SaveImage: grpc.handleUnaryCall<_viwo_imagegen_v1_SaveImageRequest__Output, _viwo_imagegen_v1_ImageEntity>;
  
}

export interface EntityServiceDefinition extends grpc.ServiceDefinition {
  CallVerb: MethodDefinition<_viwo_imagegen_v1_CallVerbRequest, _viwo_imagegen_v1_CallVerbResponse, _viwo_imagegen_v1_CallVerbRequest__Output, _viwo_imagegen_v1_CallVerbResponse__Output>
  Get: MethodDefinition<_viwo_imagegen_v1_GetEntityRequest, _viwo_imagegen_v1_ImageEntity, _viwo_imagegen_v1_GetEntityRequest__Output, _viwo_imagegen_v1_ImageEntity__Output>
  Install: MethodDefinition<_viwo_imagegen_v1_InstallRequest, _viwo_imagegen_v1_InstallResponse, _viwo_imagegen_v1_InstallRequest__Output, _viwo_imagegen_v1_InstallResponse__Output>
  List: MethodDefinition<_viwo_imagegen_v1_ListEntitiesRequest, _viwo_imagegen_v1_ListEntitiesResponse, _viwo_imagegen_v1_ListEntitiesRequest__Output, _viwo_imagegen_v1_ListEntitiesResponse__Output>
  SaveImage: MethodDefinition<_viwo_imagegen_v1_SaveImageRequest, _viwo_imagegen_v1_ImageEntity, _viwo_imagegen_v1_SaveImageRequest__Output, _viwo_imagegen_v1_ImageEntity__Output>
}
