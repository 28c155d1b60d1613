// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ApproveRequest as _viwo_imagegen_v1_ApproveRequest, ApproveRequest__Output as _viwo_imagegen_v1_ApproveRequest__Output } from '../../../viwo/imagegen/v1/ApproveRequest.js';
import type { Capability as _viwo_imagegen_v1_Capability, Capability__Output as _viwo_imagegen_v1_Capability__Output } from '../../../viwo/imagegen/v1/Capability.js';
import type { DelegateRequest as _viwo_imagegen_v1_DelegateRequest, DelegateRequest__Output as _viwo_imagegen_v1_DelegateRequest__Output } from '../../../viwo/imagegen/v1/DelegateRequest.js';
import type { DescribeMethodsRequest as _viwo_imagegen_v1_DescribeMethodsRequest, DescribeMethodsRequest__Output as _viwo_imagegen_v1_DescribeMethodsRequest__Output } from '../../../viwo/imagegen/v1/DescribeMethodsRequest.js';
import type { DescribeMethodsResponse as _viwo_imagegen_v1_DescribeMethodsResponse, DescribeMethodsResponse__Output as _viwo_imagegen_v1_DescribeMethodsResponse__Output } from '../../../viwo/imagegen/v1/DescribeMethodsResponse.js';
import type { GetCapabilityRequest as _viwo_imagegen_v1_GetCapabilityRequest, GetCapabilityRequest__Output as _viwo_imagegen_v1_GetCapabilityRequest__Output } from '../../../viwo/imagegen/v1/GetCapabilityRequest.js';
import type { GiveRequest as _viwo_imagegen_v1_GiveRequest, GiveRequest__Output as _viwo_imagegen_v1_GiveRequest__Output } from '../../../viwo/imagegen/v1/GiveRequest.js';
import type { ListCapabilitiesRequest as _viwo_imagegen_v1_ListCapabilitiesRequest, ListCapabilitiesRequest__Output as _viwo_imagegen_v1_ListCapabilitiesRequest__Output } from '../../../viwo/imagegen/v1/ListCapabilitiesRequest.js';
import type { ListCapabilitiesResponse as _viwo_imagegen_v1_ListCapabilitiesResponse, ListCapabilitiesResponse__Output as _viwo_imagegen_v1_ListCapabilitiesResponse__Output } from '../../../viwo/imagegen/v1/ListCapabilitiesResponse.js';
import type { MintRequest as _viwo_imagegen_v1_MintRequest, MintRequest__Output as _viwo_imagegen_v1_MintRequest__Output } from '../../../viwo/imagegen/v1/MintRequest.js';
import type { PushRevocationsRequest as _viwo_imagegen_v1_PushRevocationsRequest, PushRevocationsRequest__Output as _viwo_imagegen_v1_PushRevocationsRequest__Output } from '../../../viwo/imagegen/v1/PushRevocationsRequest.js';
import type { PushRevocationsResponse as _viwo_imagegen_v1_PushRevocationsResponse, PushRevocationsResponse__Output as _viwo_imagegen_v1_PushRevocationsResponse__Output } from '../../../viwo/imagegen/v1/PushRevocationsResponse.js';
import type { RevokeRequest as _viwo_imagegen_v1_RevokeRequest, RevokeRequest__Output as _viwo_imagegen_v1_RevokeRequest__Output } from '../../../viwo/imagegen/v1/RevokeRequest.js';
import type { RevokeResponse as _viwo_imagegen_v1_RevokeResponse, RevokeResponse__Output as _viwo_imagegen_v1_RevokeResponse__Output } from '../../../viwo/imagegen/v1/RevokeResponse.js';

export interface CapabilityServiceClient extends grpc.Client {
  Approve(argument: _viwo_imagegen_v1_ApproveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Approve(argument: _viwo_imagegen_v1_ApproveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Approve(argument: _viwo_imagegen_v1_ApproveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Approve(argument: _viwo_imagegen_v1_ApproveRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  approve(argument: _viwo_imagegen_v1_ApproveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  approve(argument: _viwo_imagegen_v1_ApproveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  approve(argument: _viwo_imagegen_v1_ApproveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  approve(argument: _viwo_imagegen_v1_ApproveRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  
  Delegate(argument: _viwo_imagegen_v1_DelegateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Delegate(argument: _viwo_imagegen_v1_DelegateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Delegate(argument: _viwo_imagegen_v1_DelegateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Delegate(argument: _viwo_imagegen_v1_DelegateRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  delegate(argument: _viwo_imagegen_v1_DelegateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  delegate(argument: _viwo_imagegen_v1_DelegateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  delegate(argument: _viwo_imagegen_v1_DelegateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  delegate(argument: _viwo_imagegen_v1_DelegateRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  
  DescribeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  DescribeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  DescribeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  DescribeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  describeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  describeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  describeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  describeMethods(argument: _viwo_imagegen_v1_DescribeMethodsRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_DescribeMethodsResponse__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _viwo_imagegen_v1_GetCapabilityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetCapabilityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetCapabilityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetCapabilityRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetCapabilityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetCapabilityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetCapabilityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetCapabilityRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  
  Give(argument: _viwo_imagegen_v1_GiveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Give(argument: _viwo_imagegen_v1_GiveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Give(argument: _viwo_imagegen_v1_GiveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Give(argument: _viwo_imagegen_v1_GiveRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  give(argument: _viwo_imagegen_v1_GiveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  give(argument: _viwo_imagegen_v1_GiveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  give(argument: _viwo_imagegen_v1_GiveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  give(argument: _viwo_imagegen_v1_GiveRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  
  List(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListCapabilitiesRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ListCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  
  Mint(argument: _viwo_imagegen_v1_MintRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Mint(argument: _viwo_imagegen_v1_MintRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Mint(argument: _viwo_imagegen_v1_MintRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  Mint(argument: _viwo_imagegen_v1_MintRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  mint(argument: _viwo_imagegen_v1_MintRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  mint(argument: _viwo_imagegen_v1_MintRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  mint(argument: _viwo_imagegen_v1_MintRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  mint(argument: _viwo_imagegen_v1_MintRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Capability__Output>): grpc.ClientUnaryCall;
  
  PushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  PushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  PushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  PushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  pushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  pushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  pushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  pushRevocations(argument: _viwo_imagegen_v1_PushRevocationsRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_PushRevocationsResponse__Output>): grpc.ClientUnaryCall;
  
  Revoke(argument: _viwo_imagegen_v1_RevokeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _viwo_imagegen_v1_RevokeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _viwo_imagegen_v1_RevokeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _viwo_imagegen_v1_RevokeRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _viwo_imagegen_v1_RevokeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _viwo_imagegen_v1_RevokeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _viwo_imagegen_v1_RevokeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _viwo_imagegen_v1_RevokeRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_RevokeResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface CapabilityServiceHandlers extends grpc.UntypedServiceImplementation {
  Approve: grpc.handleUnaryCall<_viwo_imagegen_v1_ApproveRequest__Output, _viwo_imagegen_v1_Capability>;
  
  Delegate: grpc.handleUnaryCall<_viwo_imagegen_v1_DelegateRequest__Output, _viwo_imagegen_v1_Capability>;
  
  DescribeMethods: grpc.handleUnaryCall<_viwo_imagegen_v1_DescribeMethodsRequest__Output, _viwo_imagegen_v1_DescribeMethodsResponse>;
  
  Get: grpc.handleUnaryCall<_viwo_imagegen_v1_GetCapabilityRequest__Output, _viwo_imagegen_v1_Capability>;
  
  Give: grpc.handleUnaryCall<_viwo_imagegen_v1_GiveRequest__Output, _viwo_imagegen_v1_Capability>;
  
  List: grpc.handleUnaryCall<_viwo_imagegen_v1_ListCapabilitiesRequest__Output, _viwo_imagegen_v1_ListCapabilitiesResponse>;
  
  Mint: grpc.handleUnaryCall<_viwo_imagegen_v1_MintRequest__Output, _viwo_imagegen_v1_Capability>;
  
  PushRevocations: grpc.handleUnaryCall<_viwo_imagegen_v1_PushRevocationsRequest__Output, _viwo_imagegen_v1_PushRevocationsResponse>;
  
  Revoke: grpc.handleUnaryCall<_viwo_imagegen_v1_RevokeRequest__Output, _viwo_imagegen_v1_RevokeResponse>;
  
}

export interface CapabilityServiceDefinition extends grpc.ServiceDefinition {
  Approve: MethodDefinition<_viwo_imagegen_v1_ApproveRequest, _viwo_imagegen_v1_Capability, _viwo_imagegen_v1_ApproveRequest__Output, _viwo_imagegen_v1_Capability__Output>
  Delegate: MethodDefinition<_viwo_imagegen_v1_DelegateRequest, _viwo_imagegen_v1_Capability, _viwo_imagegen_v1_DelegateRequest__Output, _viwo_imagegen_v1_Capability__Output>
  DescribeMethods: MethodDefinition<_viwo_imagegen_v1_DescribeMethodsRequest, _viwo_imagegen_v1_DescribeMethodsResponse, _viwo_imagegen_v1_DescribeMethodsRequest__Output, _viwo_imagegen_v1_DescribeMethodsResponse__Output>
  Get: MethodDefinition<_viwo_imagegen_v1_GetCapabilityRequest, _viwo_imagegen_v1_Capability, _viwo_imagegen_v1_GetCapabilityRequest__Output, _viwo_imagegen_v1_Capability__Output>
  Give: MethodDefinition<_viwo_imagegen_v1_GiveRequest, _viwo_imagegen_v1_Capability, _viwo_imagegen_v1_GiveRequest__Output, _viwo_imagegen_v1_Capability__Output>
  List: MethodDefinition<_viwo_imagegen_v1_ListCapabilitiesRequest, _viwo_imagegen_v1_ListCapabilitiesResponse, _viwo_imagegen_v1_ListCapabilitiesRequest__Output, _viwo_imagegen_v1_ListCapabilitiesResponse__Output>
  Mint: MethodDefinition<_viwo_imagegen_v1_MintRequest, _viwo_imagegen_v1_Capability, _viwo_imagegen_v1_MintRequest__Output, _viwo_imagegen_v1_Capability__Output>
  PushRevocations: MethodDefinition<_viwo_imagegen_v1_PushRevocationsRequest, _viwo_imagegen_v1_PushRevocationsResponse, _viwo_imagegen_v1_PushRevocationsRequest__Output, _viwo_imagegen_v1_PushRevocationsResponse__Output>
  Revoke: MethodDefinition<_viwo_imagegen_v1_RevokeRequest, _viwo_imagegen_v1_RevokeResponse, _viwo_imagegen_v1_RevokeRequest__Output, _viwo_imagegen_v1_RevokeResponse__Output>
}
