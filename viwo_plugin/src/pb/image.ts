import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp';
import type { ApplyRequest as _viwo_imagegen_v1_ApplyRequest, ApplyRequest__Output as _viwo_imagegen_v1_ApplyRequest__Output } from './viwo/imagegen/v1/ApplyRequest';
import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from './viwo/imagegen/v1/CallContext';
import type { Composite as _viwo_imagegen_v1_Composite, Composite__Output as _viwo_imagegen_v1_Composite__Output } from './viwo/imagegen/v1/Composite';
import type { Control as _viwo_imagegen_v1_Control, Control__Output as _viwo_imagegen_v1_Control__Output } from './viwo/imagegen/v1/Control';
import type { ControlType as _viwo_imagegen_v1_ControlType, ControlType__Output as _viwo_imagegen_v1_ControlType__Output } from './viwo/imagegen/v1/ControlType';
import type { ControlTypesRequest as _viwo_imagegen_v1_ControlTypesRequest, ControlTypesRequest__Output as _viwo_imagegen_v1_ControlTypesRequest__Output } from './viwo/imagegen/v1/ControlTypesRequest';
import type { ControlTypesResponse as _viwo_imagegen_v1_ControlTypesResponse, ControlTypesResponse__Output as _viwo_imagegen_v1_ControlTypesResponse__Output } from './viwo/imagegen/v1/ControlTypesResponse';
import type { ConvertRequest as _viwo_imagegen_v1_ConvertRequest, ConvertRequest__Output as _viwo_imagegen_v1_ConvertRequest__Output } from './viwo/imagegen/v1/ConvertRequest';
import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from './viwo/imagegen/v1/Cost';
import type { Crop as _viwo_imagegen_v1_Crop, Crop__Output as _viwo_imagegen_v1_Crop__Output } from './viwo/imagegen/v1/Crop';
import type { EditOperation as _viwo_imagegen_v1_EditOperation, EditOperation__Output as _viwo_imagegen_v1_EditOperation__Output } from './viwo/imagegen/v1/EditOperation';
import type { EditRequest as _viwo_imagegen_v1_EditRequest, EditRequest__Output as _viwo_imagegen_v1_EditRequest__Output } from './viwo/imagegen/v1/EditRequest';
import type { FaceRestoreRequest as _viwo_imagegen_v1_FaceRestoreRequest, FaceRestoreRequest__Output as _viwo_imagegen_v1_FaceRestoreRequest__Output } from './viwo/imagegen/v1/FaceRestoreRequest';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from './viwo/imagegen/v1/Failure';
import type { Filter as _viwo_imagegen_v1_Filter, Filter__Output as _viwo_imagegen_v1_Filter__Output } from './viwo/imagegen/v1/Filter';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from './viwo/imagegen/v1/GenerationOptions';
import type { HiresFix as _viwo_imagegen_v1_HiresFix, HiresFix__Output as _viwo_imagegen_v1_HiresFix__Output } from './viwo/imagegen/v1/HiresFix';
import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from './viwo/imagegen/v1/Image';
import type { ImageResponse as _viwo_imagegen_v1_ImageResponse, ImageResponse__Output as _viwo_imagegen_v1_ImageResponse__Output } from './viwo/imagegen/v1/ImageResponse';
import type { ImageServiceClient as _viwo_imagegen_v1_ImageServiceClient, ImageServiceDefinition as _viwo_imagegen_v1_ImageServiceDefinition } from './viwo/imagegen/v1/ImageService';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from './viwo/imagegen/v1/ImageSource';
import type { ImageToImageRequest as _viwo_imagegen_v1_ImageToImageRequest, ImageToImageRequest__Output as _viwo_imagegen_v1_ImageToImageRequest__Output } from './viwo/imagegen/v1/ImageToImageRequest';
import type { ImageVersion as _viwo_imagegen_v1_ImageVersion, ImageVersion__Output as _viwo_imagegen_v1_ImageVersion__Output } from './viwo/imagegen/v1/ImageVersion';
import type { InpaintRequest as _viwo_imagegen_v1_InpaintRequest, InpaintRequest__Output as _viwo_imagegen_v1_InpaintRequest__Output } from './viwo/imagegen/v1/InpaintRequest';
import type { InvokeRequest as _viwo_imagegen_v1_InvokeRequest, InvokeRequest__Output as _viwo_imagegen_v1_InvokeRequest__Output } from './viwo/imagegen/v1/InvokeRequest';
import type { InvokeResponse as _viwo_imagegen_v1_InvokeResponse, InvokeResponse__Output as _viwo_imagegen_v1_InvokeResponse__Output } from './viwo/imagegen/v1/InvokeResponse';
import type { JobOptions as _viwo_imagegen_v1_JobOptions, JobOptions__Output as _viwo_imagegen_v1_JobOptions__Output } from './viwo/imagegen/v1/JobOptions';
import type { Lora as _viwo_imagegen_v1_Lora, Lora__Output as _viwo_imagegen_v1_Lora__Output } from './viwo/imagegen/v1/Lora';
import type { OutpaintRequest as _viwo_imagegen_v1_OutpaintRequest, OutpaintRequest__Output as _viwo_imagegen_v1_OutpaintRequest__Output } from './viwo/imagegen/v1/OutpaintRequest';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from './viwo/imagegen/v1/OutputOptions';
import type { PreprocessRequest as _viwo_imagegen_v1_PreprocessRequest, PreprocessRequest__Output as _viwo_imagegen_v1_PreprocessRequest__Output } from './viwo/imagegen/v1/PreprocessRequest';
import type { RefinePromptRequest as _viwo_imagegen_v1_RefinePromptRequest, RefinePromptRequest__Output as _viwo_imagegen_v1_RefinePromptRequest__Output } from './viwo/imagegen/v1/RefinePromptRequest';
import type { RefinePromptResponse as _viwo_imagegen_v1_RefinePromptResponse, RefinePromptResponse__Output as _viwo_imagegen_v1_RefinePromptResponse__Output } from './viwo/imagegen/v1/RefinePromptResponse';
import type { RefinedPrompt as _viwo_imagegen_v1_RefinedPrompt, RefinedPrompt__Output as _viwo_imagegen_v1_RefinedPrompt__Output } from './viwo/imagegen/v1/RefinedPrompt';
import type { RemoveBackground as _viwo_imagegen_v1_RemoveBackground, RemoveBackground__Output as _viwo_imagegen_v1_RemoveBackground__Output } from './viwo/imagegen/v1/RemoveBackground';
import type { Resize as _viwo_imagegen_v1_Resize, Resize__Output as _viwo_imagegen_v1_Resize__Output } from './viwo/imagegen/v1/Resize';
import type { SaveOptions as _viwo_imagegen_v1_SaveOptions, SaveOptions__Output as _viwo_imagegen_v1_SaveOptions__Output } from './viwo/imagegen/v1/SaveOptions';
import type { TextToImageRequest as _viwo_imagegen_v1_TextToImageRequest, TextToImageRequest__Output as _viwo_imagegen_v1_TextToImageRequest__Output } from './viwo/imagegen/v1/TextToImageRequest';
import type { Transform as _viwo_imagegen_v1_Transform, Transform__Output as _viwo_imagegen_v1_Transform__Output } from './viwo/imagegen/v1/Transform';
import type { UpscaleImg2ImgRequest as _viwo_imagegen_v1_UpscaleImg2ImgRequest, UpscaleImg2ImgRequest__Output as _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output } from './viwo/imagegen/v1/UpscaleImg2ImgRequest';
import type { UpscaleRequest as _viwo_imagegen_v1_UpscaleRequest, UpscaleRequest__Output as _viwo_imagegen_v1_UpscaleRequest__Output } from './viwo/imagegen/v1/UpscaleRequest';
import type { UpscaleTraditionalRequest as _viwo_imagegen_v1_UpscaleTraditionalRequest, UpscaleTraditionalRequest__Output as _viwo_imagegen_v1_UpscaleTraditionalRequest__Output } from './viwo/imagegen/v1/UpscaleTraditionalRequest';

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
        ApplyRequest: MessageTypeDefinition<_viwo_imagegen_v1_ApplyRequest, _viwo_imagegen_v1_ApplyRequest__Output>
        BlendMode: EnumTypeDefinition
        CallContext: MessageTypeDefinition<_viwo_imagegen_v1_CallContext, _viwo_imagegen_v1_CallContext__Output>
        Composite: MessageTypeDefinition<_viwo_imagegen_v1_Composite, _viwo_imagegen_v1_Composite__Output>
        Control: MessageTypeDefinition<_viwo_imagegen_v1_Control, _viwo_imagegen_v1_Control__Output>
        ControlType: MessageTypeDefinition<_viwo_imagegen_v1_ControlType, _viwo_imagegen_v1_ControlType__Output>
        ControlTypesRequest: MessageTypeDefinition<_viwo_imagegen_v1_ControlTypesRequest, _viwo_imagegen_v1_ControlTypesRequest__Output>
        ControlTypesResponse: MessageTypeDefinition<_viwo_imagegen_v1_ControlTypesResponse, _viwo_imagegen_v1_ControlTypesResponse__Output>
        ConvertRequest: MessageTypeDefinition<_viwo_imagegen_v1_ConvertRequest, _viwo_imagegen_v1_ConvertRequest__Output>
        Cost: MessageTypeDefinition<_viwo_imagegen_v1_Cost, _viwo_imagegen_v1_Cost__Output>
        Crop: MessageTypeDefinition<_viwo_imagegen_v1_Crop, _viwo_imagegen_v1_Crop__Output>
        DisconnectPolicy: EnumTypeDefinition
        EditOperation: MessageTypeDefinition<_viwo_imagegen_v1_EditOperation, _viwo_imagegen_v1_EditOperation__Output>
        EditRequest: MessageTypeDefinition<_viwo_imagegen_v1_EditRequest, _viwo_imagegen_v1_EditRequest__Output>
        FaceRestoreRequest: MessageTypeDefinition<_viwo_imagegen_v1_FaceRestoreRequest, _viwo_imagegen_v1_FaceRestoreRequest__Output>
        Failure: MessageTypeDefinition<_viwo_imagegen_v1_Failure, _viwo_imagegen_v1_Failure__Output>
        Filter: MessageTypeDefinition<_viwo_imagegen_v1_Filter, _viwo_imagegen_v1_Filter__Output>
        FilterKind: EnumTypeDefinition
        GenerationOptions: MessageTypeDefinition<_viwo_imagegen_v1_GenerationOptions, _viwo_imagegen_v1_GenerationOptions__Output>
        HiresFix: MessageTypeDefinition<_viwo_imagegen_v1_HiresFix, _viwo_imagegen_v1_HiresFix__Output>
        Image: MessageTypeDefinition<_viwo_imagegen_v1_Image, _viwo_imagegen_v1_Image__Output>
        ImageFormat: EnumTypeDefinition
        ImageResponse: MessageTypeDefinition<_viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_ImageResponse__Output>
        ImageService: SubtypeConstructor<typeof grpc.Client, _viwo_imagegen_v1_ImageServiceClient> & { service: _viwo_imagegen_v1_ImageServiceDefinition }
        ImageSource: MessageTypeDefinition<_viwo_imagegen_v1_ImageSource, _viwo_imagegen_v1_ImageSource__Output>
        ImageToImageRequest: MessageTypeDefinition<_viwo_imagegen_v1_ImageToImageRequest, _viwo_imagegen_v1_ImageToImageRequest__Output>
        ImageVersion: MessageTypeDefinition<_viwo_imagegen_v1_ImageVersion, _viwo_imagegen_v1_ImageVersion__Output>
        InpaintRequest: MessageTypeDefinition<_viwo_imagegen_v1_InpaintRequest, _viwo_imagegen_v1_InpaintRequest__Output>
        InvokeRequest: MessageTypeDefinition<_viwo_imagegen_v1_InvokeRequest, _viwo_imagegen_v1_InvokeRequest__Output>
        InvokeResponse: MessageTypeDefinition<_viwo_imagegen_v1_InvokeResponse, _viwo_imagegen_v1_InvokeResponse__Output>
        JobOptions: MessageTypeDefinition<_viwo_imagegen_v1_JobOptions, _viwo_imagegen_v1_JobOptions__Output>
        Lora: MessageTypeDefinition<_viwo_imagegen_v1_Lora, _viwo_imagegen_v1_Lora__Output>
        MaskFit: EnumTypeDefinition
        OutpaintRequest: MessageTypeDefinition<_viwo_imagegen_v1_OutpaintRequest, _viwo_imagegen_v1_OutpaintRequest__Output>
        OutputOptions: MessageTypeDefinition<_viwo_imagegen_v1_OutputOptions, _viwo_imagegen_v1_OutputOptions__Output>
        PreprocessRequest: MessageTypeDefinition<_viwo_imagegen_v1_PreprocessRequest, _viwo_imagegen_v1_PreprocessRequest__Output>
        RefinePromptRequest: MessageTypeDefinition<_viwo_imagegen_v1_RefinePromptRequest, _viwo_imagegen_v1_RefinePromptRequest__Output>
        RefinePromptResponse: MessageTypeDefinition<_viwo_imagegen_v1_RefinePromptResponse, _viwo_imagegen_v1_RefinePromptResponse__Output>
        RefinedPrompt: MessageTypeDefinition<_viwo_imagegen_v1_RefinedPrompt, _viwo_imagegen_v1_RefinedPrompt__Output>
        RemoveBackground: MessageTypeDefinition<_viwo_imagegen_v1_RemoveBackground, _viwo_imagegen_v1_RemoveBackground__Output>
        ResampleMethod: EnumTypeDefinition
        Resize: MessageTypeDefinition<_viwo_imagegen_v1_Resize, _viwo_imagegen_v1_Resize__Output>
        Reuse: EnumTypeDefinition
        SaveOptions: MessageTypeDefinition<_viwo_imagegen_v1_SaveOptions, _viwo_imagegen_v1_SaveOptions__Output>
        TextToImageRequest: MessageTypeDefinition<_viwo_imagegen_v1_TextToImageRequest, _viwo_imagegen_v1_TextToImageRequest__Output>
        Transform: MessageTypeDefinition<_viwo_imagegen_v1_Transform, _viwo_imagegen_v1_Transform__Output>
        UpscaleImg2ImgRequest: MessageTypeDefinition<_viwo_imagegen_v1_UpscaleImg2ImgRequest, _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output>
        UpscaleRequest: MessageTypeDefinition<_viwo_imagegen_v1_UpscaleRequest, _viwo_imagegen_v1_UpscaleRequest__Output>
        UpscaleTraditionalRequest: MessageTypeDefinition<_viwo_imagegen_v1_UpscaleTraditionalRequest, _viwo_imagegen_v1_UpscaleTraditionalRequest__Output>
      }
    }
  }
}

