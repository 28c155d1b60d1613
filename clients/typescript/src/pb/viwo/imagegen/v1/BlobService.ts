// Original file: ../../protos/viwo/imagegen/v1/blob.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Blob as _viwo_imagegen_v1_Blob, Blob__Output as _viwo_imagegen_v1_Blob__Output } from '../../../viwo/imagegen/v1/Blob.js';
import type { DescribeBlobRequest as _viwo_imagegen_v1_DescribeBlobRequest, DescribeBlobRequest__Output as _viwo_imagegen_v1_DescribeBlobRequest__Output } from '../../../viwo/imagegen/v1/DescribeBlobRequest.js';
import type { DownloadRequest as _viwo_imagegen_v1_DownloadRequest, DownloadRequest__Output as _viwo_imagegen_v1_DownloadRequest__Output } from '../../../viwo/imagegen/v1/DownloadRequest.js';
import type { DownloadResponse as _viwo_imagegen_v1_DownloadResponse, DownloadResponse__Output as _viwo_imagegen_v1_DownloadResponse__Output } from '../../../viwo/imagegen/v1/DownloadResponse.js';
import type { UploadRequest as _viwo_imagegen_v1_UploadRequest, UploadRequest__Output as _viwo_imagegen_v1_UploadRequest__Output } from '../../../viwo/imagegen/v1/UploadRequest.js';

export interface BlobServiceClient extends grpc.Client {
  Describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  Describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  Describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  Describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  describe(argument: _viwo_imagegen_v1_DescribeBlobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientUnaryCall;
  
  Download(argument: _viwo_imagegen_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_DownloadResponse__Output>;
  Download(argument: _viwo_imagegen_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_DownloadResponse__Output>;
  download(argument: _viwo_imagegen_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_DownloadResponse__Output>;
  download(argument: _viwo_imagegen_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_DownloadResponse__Output>;
  
  Upload(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  Upload(metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  Upload(options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  Upload(callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  upload(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  upload(metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  upload(options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  upload(callback: grpc.requestCallback<_viwo_imagegen_v1_Blob__Output>): grpc.ClientWritableStream<_viwo_imagegen_v1_UploadRequest>;
  
}

export interface BlobServiceHandlers extends grpc.UntypedServiceImplementation {
  Describe: grpc.handleUnaryCall<_viwo_imagegen_v1_DescribeBlobRequest__Output, _viwo_imagegen_v1_Blob>;
  
  Download: grpc.handleServerStreamingCall<_viwo_imagegen_v1_DownloadRequest__Output, _viwo_imagegen_v1_DownloadResponse>;
  
  Upload: grpc.handleClientStreamingCall<_viwo_imagegen_v1_UploadRequest__Output, _viwo_imagegen_v1_Blob>;
  
}

export interface BlobServiceDefinition extends grpc.ServiceDefinition {
  Describe: MethodDefinition<_viwo_imagegen_v1_DescribeBlobRequest, _viwo_imagegen_v1_Blob, _viwo_imagegen_v1_DescribeBlobRequest__Output, _viwo_imagegen_v1_Blob__Output>
  Download: MethodDefinition<_viwo_imagegen_v1_DownloadRequest, _viwo_imagegen_v1_DownloadResponse, _viwo_imagegen_v1_DownloadRequest__Output, _viwo_imagegen_v1_DownloadResponse__Output>
  Upload: MethodDefinition<_viwo_imagegen_v1_UploadRequest, _viwo_imagegen_v1_Blob, _viwo_imagegen_v1_UploadRequest__Output, _viwo_imagegen_v1_Blob__Output>
}
