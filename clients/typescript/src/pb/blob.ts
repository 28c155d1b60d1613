import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { Blob as _viwo_imagegen_v1_Blob, Blob__Output as _viwo_imagegen_v1_Blob__Output } from './viwo/imagegen/v1/Blob.js';
import type { BlobServiceClient as _viwo_imagegen_v1_BlobServiceClient, BlobServiceDefinition as _viwo_imagegen_v1_BlobServiceDefinition } from './viwo/imagegen/v1/BlobService.js';
import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from './viwo/imagegen/v1/CallContext.js';
import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from './viwo/imagegen/v1/Cost.js';
import type { DescribeBlobRequest as _viwo_imagegen_v1_DescribeBlobRequest, DescribeBlobRequest__Output as _viwo_imagegen_v1_DescribeBlobRequest__Output } from './viwo/imagegen/v1/DescribeBlobRequest.js';
import type { DownloadRequest as _viwo_imagegen_v1_DownloadRequest, DownloadRequest__Output as _viwo_imagegen_v1_DownloadRequest__Output } from './viwo/imagegen/v1/DownloadRequest.js';
import type { DownloadResponse as _viwo_imagegen_v1_DownloadResponse, DownloadResponse__Output as _viwo_imagegen_v1_DownloadResponse__Output } from './viwo/imagegen/v1/DownloadResponse.js';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from './viwo/imagegen/v1/Failure.js';
import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from './viwo/imagegen/v1/Image.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from './viwo/imagegen/v1/ImageSource.js';
import type { ImageVersion as _viwo_imagegen_v1_ImageVersion, ImageVersion__Output as _viwo_imagegen_v1_ImageVersion__Output } from './viwo/imagegen/v1/ImageVersion.js';
import type { JobOptions as _viwo_imagegen_v1_JobOptions, JobOptions__Output as _viwo_imagegen_v1_JobOptions__Output } from './viwo/imagegen/v1/JobOptions.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from './viwo/imagegen/v1/OutputOptions.js';
import type { SaveOptions as _viwo_imagegen_v1_SaveOptions, SaveOptions__Output as _viwo_imagegen_v1_SaveOptions__Output } from './viwo/imagegen/v1/SaveOptions.js';
import type { UploadRequest as _viwo_imagegen_v1_UploadRequest, UploadRequest__Output as _viwo_imagegen_v1_UploadRequest__Output } from './viwo/imagegen/v1/UploadRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  viwo: {
    imagegen: {
      v1: {
        Blob: MessageTypeDefinition<_viwo_imagegen_v1_Blob, _viwo_imagegen_v1_Blob__Output>
        BlobService: SubtypeConstructor<typeof grpc.Client, _viwo_imagegen_v1_BlobServiceClient> & { service: _viwo_imagegen_v1_BlobServiceDefinition }
        CallContext: MessageTypeDefinition<_viwo_imagegen_v1_CallContext, _viwo_imagegen_v1_CallContext__Output>
        Cost: MessageTypeDefinition<_viwo_imagegen_v1_Cost, _viwo_imagegen_v1_Cost__Output>
        DescribeBlobRequest: MessageTypeDefinition<_viwo_imagegen_v1_DescribeBlobRequest, _viwo_imagegen_v1_DescribeBlobRequest__Output>
        DisconnectPolicy: EnumTypeDefinition
        DownloadRequest: MessageTypeDefinition<_viwo_imagegen_v1_DownloadRequest, _viwo_imagegen_v1_DownloadRequest__Output>
        DownloadResponse: MessageTypeDefinition<_viwo_imagegen_v1_DownloadResponse, _viwo_imagegen_v1_DownloadResponse__Output>
        Failure: MessageTypeDefinition<_viwo_imagegen_v1_Failure, _viwo_imagegen_v1_Failure__Output>
        Image: MessageTypeDefinition<_viwo_imagegen_v1_Image, _viwo_imagegen_v1_Image__Output>
        ImageFormat: EnumTypeDefinition
        ImageSource: MessageTypeDefinition<_viwo_imagegen_v1_ImageSource, _viwo_imagegen_v1_ImageSource__Output>
        ImageVersion: MessageTypeDefinition<_viwo_imagegen_v1_ImageVersion, _viwo_imagegen_v1_ImageVersion__Output>
        JobOptions: MessageTypeDefinition<_viwo_imagegen_v1_JobOptions, _viwo_imagegen_v1_JobOptions__Output>
        OutputOptions: MessageTypeDefinition<_viwo_imagegen_v1_OutputOptions, _viwo_imagegen_v1_OutputOptions__Output>
        Reuse: EnumTypeDefinition
        SaveOptions: MessageTypeDefinition<_viwo_imagegen_v1_SaveOptions, _viwo_imagegen_v1_SaveOptions__Output>
        UploadRequest: MessageTypeDefinition<_viwo_imagegen_v1_UploadRequest, _viwo_imagegen_v1_UploadRequest__Output>
      }
    }
  }
}

