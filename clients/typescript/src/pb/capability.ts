import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ListValue as _google_protobuf_ListValue, ListValue__Output as _google_protobuf_ListValue__Output } from './google/protobuf/ListValue.js';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from './google/protobuf/Struct.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { Value as _google_protobuf_Value, Value__Output as _google_protobuf_Value__Output } from './google/protobuf/Value.js';
import type { ApproveRequest as _viwo_imagegen_v1_ApproveRequest, ApproveRequest__Output as _viwo_imagegen_v1_ApproveRequest__Output } from './viwo/imagegen/v1/ApproveRequest.js';
import type { Capability as _viwo_imagegen_v1_Capability, Capability__Output as _viwo_imagegen_v1_Capability__Output } from './viwo/imagegen/v1/Capability.js';
import type { CapabilityServiceClient as _viwo_imagegen_v1_CapabilityServiceClient, CapabilityServiceDefinition as _viwo_imagegen_v1_CapabilityServiceDefinition } from './viwo/imagegen/v1/CapabilityService.js';
import type { DelegateRequest as _viwo_imagegen_v1_DelegateRequest, DelegateRequest__Output as _viwo_imagegen_v1_DelegateRequest__Output } from './viwo/imagegen/v1/DelegateRequest.js';
import type { DescribeMethodsRequest as _viwo_imagegen_v1_DescribeMethodsRequest, DescribeMethodsRequest__Output as _viwo_imagegen_v1_DescribeMethodsRequest__Output } from './viwo/imagegen/v1/DescribeMethodsRequest.js';
import type { DescribeMethodsResponse as _viwo_imagegen_v1_DescribeMethodsResponse, DescribeMethodsResponse__Output as _viwo_imagegen_v1_DescribeMethodsResponse__Output } from './viwo/imagegen/v1/DescribeMethodsResponse.js';
import type { GetCapabilityRequest as _viwo_imagegen_v1_GetCapabilityRequest, GetCapabilityRequest__Output as _viwo_imagegen_v1_GetCapabilityRequest__Output } from './viwo/imagegen/v1/GetCapabilityRequest.js';
import type { GiveRequest as _viwo_imagegen_v1_GiveRequest, GiveRequest__Output as _viwo_imagegen_v1_GiveRequest__Output } from './viwo/imagegen/v1/GiveRequest.js';
import type { ListCapabilitiesRequest as _viwo_imagegen_v1_ListCapabilitiesRequest, ListCapabilitiesRequest__Output as _viwo_imagegen_v1_ListCapabilitiesRequest__Output } from './viwo/imagegen/v1/ListCapabilitiesRequest.js';
import type { ListCapabilitiesResponse as _viwo_imagegen_v1_ListCapabilitiesResponse, ListCapabilitiesResponse__Output as _viwo_imagegen_v1_ListCapabilitiesResponse__Output } from './viwo/imagegen/v1/ListCapabilitiesResponse.js';
import type { MethodDescription as _viwo_imagegen_v1_MethodDescription, MethodDescription__Output as _viwo_imagegen_v1_MethodDescription__Output } from './viwo/imagegen/v1/MethodDescription.js';
import type { MintRequest as _viwo_imagegen_v1_MintRequest, MintRequest__Output as _viwo_imagegen_v1_MintRequest__Output } from './viwo/imagegen/v1/MintRequest.js';
import type { ParameterDescription as _viwo_imagegen_v1_ParameterDescription, ParameterDescription__Output as _viwo_imagegen_v1_ParameterDescription__Output } from './viwo/imagegen/v1/ParameterDescription.js';
import type { PushRevocationsRequest as _viwo_imagegen_v1_PushRevocationsRequest, PushRevocationsRequest__Output as _viwo_imagegen_v1_PushRevocationsRequest__Output } from './viwo/imagegen/v1/PushRevocationsRequest.js';
import type { PushRevocationsResponse as _viwo_imagegen_v1_PushRevocationsResponse, PushRevocationsResponse__Output as _viwo_imagegen_v1_PushRevocationsResponse__Output } from './viwo/imagegen/v1/PushRevocationsResponse.js';
import type { RevokeRequest as _viwo_imagegen_v1_RevokeRequest, RevokeRequest__Output as _viwo_imagegen_v1_RevokeRequest__Output } from './viwo/imagegen/v1/RevokeRequest.js';
import type { RevokeResponse as _viwo_imagegen_v1_RevokeResponse, RevokeResponse__Output as _viwo_imagegen_v1_RevokeResponse__Output } from './viwo/imagegen/v1/RevokeResponse.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
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
        ApproveRequest: MessageTypeDefinition<_viwo_imagegen_v1_ApproveRequest, _viwo_imagegen_v1_ApproveRequest__Output>
        Capability: MessageTypeDefinition<_viwo_imagegen_v1_Capability, _viwo_imagegen_v1_Capability__Output>
        CapabilityService: SubtypeConstructor<typeof grpc.Client, _viwo_imagegen_v1_CapabilityServiceClient> & { service: _viwo_imagegen_v1_CapabilityServiceDefinition }
        DelegateRequest: MessageTypeDefinition<_viwo_imagegen_v1_DelegateRequest, _viwo_imagegen_v1_DelegateRequest__Output>
        DescribeMethodsRequest: MessageTypeDefinition<_viwo_imagegen_v1_DescribeMethodsRequest, _viwo_imagegen_v1_DescribeMethodsRequest__Output>
        DescribeMethodsResponse: MessageTypeDefinition<_viwo_imagegen_v1_DescribeMethodsResponse, _viwo_imagegen_v1_DescribeMethodsResponse__Output>
        GetCapabilityRequest: MessageTypeDefinition<_viwo_imagegen_v1_GetCapabilityRequest, _viwo_imagegen_v1_GetCapabilityRequest__Output>
        GiveRequest: MessageTypeDefinition<_viwo_imagegen_v1_GiveRequest, _viwo_imagegen_v1_GiveRequest__Output>
        ListCapabilitiesRequest: MessageTypeDefinition<_viwo_imagegen_v1_ListCapabilitiesRequest, _viwo_imagegen_v1_ListCapabilitiesRequest__Output>
        ListCapabilitiesResponse: MessageTypeDefinition<_viwo_imagegen_v1_ListCapabilitiesResponse, _viwo_imagegen_v1_ListCapabilitiesResponse__Output>
        MethodDescription: MessageTypeDefinition<_viwo_imagegen_v1_MethodDescription, _viwo_imagegen_v1_MethodDescription__Output>
        MintRequest: MessageTypeDefinition<_viwo_imagegen_v1_MintRequest, _viwo_imagegen_v1_MintRequest__Output>
        ParameterDescription: MessageTypeDefinition<_viwo_imagegen_v1_ParameterDescription, _viwo_imagegen_v1_ParameterDescription__Output>
        PushRevocationsRequest: MessageTypeDefinition<_viwo_imagegen_v1_PushRevocationsRequest, _viwo_imagegen_v1_PushRevocationsRequest__Output>
        PushRevocationsResponse: MessageTypeDefinition<_viwo_imagegen_v1_PushRevocationsResponse, _viwo_imagegen_v1_PushRevocationsResponse__Output>
        RevokeRequest: MessageTypeDefinition<_viwo_imagegen_v1_RevokeRequest, _viwo_imagegen_v1_RevokeRequest__Output>
        RevokeResponse: MessageTypeDefinition<_viwo_imagegen_v1_RevokeResponse, _viwo_imagegen_v1_RevokeResponse__Output>
      }
    }
  }
}

