import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from './google/protobuf/FieldMask.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { ApplyRequest as _viwo_imagegen_v1_ApplyRequest, ApplyRequest__Output as _viwo_imagegen_v1_ApplyRequest__Output } from './viwo/imagegen/v1/ApplyRequest.js';
import type { Batch as _viwo_imagegen_v1_Batch, Batch__Output as _viwo_imagegen_v1_Batch__Output } from './viwo/imagegen/v1/Batch.js';
import type { Budget as _viwo_imagegen_v1_Budget, Budget__Output as _viwo_imagegen_v1_Budget__Output } from './viwo/imagegen/v1/Budget.js';
import type { BudgetStatusRequest as _viwo_imagegen_v1_BudgetStatusRequest, BudgetStatusRequest__Output as _viwo_imagegen_v1_BudgetStatusRequest__Output } from './viwo/imagegen/v1/BudgetStatusRequest.js';
import type { BudgetStatusResponse as _viwo_imagegen_v1_BudgetStatusResponse, BudgetStatusResponse__Output as _viwo_imagegen_v1_BudgetStatusResponse__Output } from './viwo/imagegen/v1/BudgetStatusResponse.js';
import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from './viwo/imagegen/v1/CallContext.js';
import type { CancelBatchRequest as _viwo_imagegen_v1_CancelBatchRequest, CancelBatchRequest__Output as _viwo_imagegen_v1_CancelBatchRequest__Output } from './viwo/imagegen/v1/CancelBatchRequest.js';
import type { CancelJobRequest as _viwo_imagegen_v1_CancelJobRequest, CancelJobRequest__Output as _viwo_imagegen_v1_CancelJobRequest__Output } from './viwo/imagegen/v1/CancelJobRequest.js';
import type { Composite as _viwo_imagegen_v1_Composite, Composite__Output as _viwo_imagegen_v1_Composite__Output } from './viwo/imagegen/v1/Composite.js';
import type { Control as _viwo_imagegen_v1_Control, Control__Output as _viwo_imagegen_v1_Control__Output } from './viwo/imagegen/v1/Control.js';
import type { ControlType as _viwo_imagegen_v1_ControlType, ControlType__Output as _viwo_imagegen_v1_ControlType__Output } from './viwo/imagegen/v1/ControlType.js';
import type { ControlTypesRequest as _viwo_imagegen_v1_ControlTypesRequest, ControlTypesRequest__Output as _viwo_imagegen_v1_ControlTypesRequest__Output } from './viwo/imagegen/v1/ControlTypesRequest.js';
import type { ControlTypesResponse as _viwo_imagegen_v1_ControlTypesResponse, ControlTypesResponse__Output as _viwo_imagegen_v1_ControlTypesResponse__Output } from './viwo/imagegen/v1/ControlTypesResponse.js';
import type { ConvertRequest as _viwo_imagegen_v1_ConvertRequest, ConvertRequest__Output as _viwo_imagegen_v1_ConvertRequest__Output } from './viwo/imagegen/v1/ConvertRequest.js';
import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from './viwo/imagegen/v1/Cost.js';
import type { Crop as _viwo_imagegen_v1_Crop, Crop__Output as _viwo_imagegen_v1_Crop__Output } from './viwo/imagegen/v1/Crop.js';
import type { EditOperation as _viwo_imagegen_v1_EditOperation, EditOperation__Output as _viwo_imagegen_v1_EditOperation__Output } from './viwo/imagegen/v1/EditOperation.js';
import type { EditRequest as _viwo_imagegen_v1_EditRequest, EditRequest__Output as _viwo_imagegen_v1_EditRequest__Output } from './viwo/imagegen/v1/EditRequest.js';
import type { EstimateResponse as _viwo_imagegen_v1_EstimateResponse, EstimateResponse__Output as _viwo_imagegen_v1_EstimateResponse__Output } from './viwo/imagegen/v1/EstimateResponse.js';
import type { ExportJobRequest as _viwo_imagegen_v1_ExportJobRequest, ExportJobRequest__Output as _viwo_imagegen_v1_ExportJobRequest__Output } from './viwo/imagegen/v1/ExportJobRequest.js';
import type { FaceRestoreRequest as _viwo_imagegen_v1_FaceRestoreRequest, FaceRestoreRequest__Output as _viwo_imagegen_v1_FaceRestoreRequest__Output } from './viwo/imagegen/v1/FaceRestoreRequest.js';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from './viwo/imagegen/v1/Failure.js';
import type { Filter as _viwo_imagegen_v1_Filter, Filter__Output as _viwo_imagegen_v1_Filter__Output } from './viwo/imagegen/v1/Filter.js';
import type { GenerationOptions as _viwo_imagegen_v1_GenerationOptions, GenerationOptions__Output as _viwo_imagegen_v1_GenerationOptions__Output } from './viwo/imagegen/v1/GenerationOptions.js';
import type { GetBatchRequest as _viwo_imagegen_v1_GetBatchRequest, GetBatchRequest__Output as _viwo_imagegen_v1_GetBatchRequest__Output } from './viwo/imagegen/v1/GetBatchRequest.js';
import type { GetJobRequest as _viwo_imagegen_v1_GetJobRequest, GetJobRequest__Output as _viwo_imagegen_v1_GetJobRequest__Output } from './viwo/imagegen/v1/GetJobRequest.js';
import type { HiresFix as _viwo_imagegen_v1_HiresFix, HiresFix__Output as _viwo_imagegen_v1_HiresFix__Output } from './viwo/imagegen/v1/HiresFix.js';
import type { HistoryNode as _viwo_imagegen_v1_HistoryNode, HistoryNode__Output as _viwo_imagegen_v1_HistoryNode__Output } from './viwo/imagegen/v1/HistoryNode.js';
import type { HistoryRequest as _viwo_imagegen_v1_HistoryRequest, HistoryRequest__Output as _viwo_imagegen_v1_HistoryRequest__Output } from './viwo/imagegen/v1/HistoryRequest.js';
import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from './viwo/imagegen/v1/Image.js';
import type { ImageResponse as _viwo_imagegen_v1_ImageResponse, ImageResponse__Output as _viwo_imagegen_v1_ImageResponse__Output } from './viwo/imagegen/v1/ImageResponse.js';
import type { ImageServiceClient as _viwo_imagegen_v1_ImageServiceClient, ImageServiceDefinition as _viwo_imagegen_v1_ImageServiceDefinition } from './viwo/imagegen/v1/ImageService.js';
import type { ImageSource as _viwo_imagegen_v1_ImageSource, ImageSource__Output as _viwo_imagegen_v1_ImageSource__Output } from './viwo/imagegen/v1/ImageSource.js';
import type { ImageToImageRequest as _viwo_imagegen_v1_ImageToImageRequest, ImageToImageRequest__Output as _viwo_imagegen_v1_ImageToImageRequest__Output } from './viwo/imagegen/v1/ImageToImageRequest.js';
import type { ImageVersion as _viwo_imagegen_v1_ImageVersion, ImageVersion__Output as _viwo_imagegen_v1_ImageVersion__Output } from './viwo/imagegen/v1/ImageVersion.js';
import type { ImportJobRequest as _viwo_imagegen_v1_ImportJobRequest, ImportJobRequest__Output as _viwo_imagegen_v1_ImportJobRequest__Output } from './viwo/imagegen/v1/ImportJobRequest.js';
import type { InpaintRequest as _viwo_imagegen_v1_InpaintRequest, InpaintRequest__Output as _viwo_imagegen_v1_InpaintRequest__Output } from './viwo/imagegen/v1/InpaintRequest.js';
import type { InvokeRequest as _viwo_imagegen_v1_InvokeRequest, InvokeRequest__Output as _viwo_imagegen_v1_InvokeRequest__Output } from './viwo/imagegen/v1/InvokeRequest.js';
import type { InvokeResponse as _viwo_imagegen_v1_InvokeResponse, InvokeResponse__Output as _viwo_imagegen_v1_InvokeResponse__Output } from './viwo/imagegen/v1/InvokeResponse.js';
import type { Job as _viwo_imagegen_v1_Job, Job__Output as _viwo_imagegen_v1_Job__Output } from './viwo/imagegen/v1/Job.js';
import type { JobDocument as _viwo_imagegen_v1_JobDocument, JobDocument__Output as _viwo_imagegen_v1_JobDocument__Output } from './viwo/imagegen/v1/JobDocument.js';
import type { JobEvent as _viwo_imagegen_v1_JobEvent, JobEvent__Output as _viwo_imagegen_v1_JobEvent__Output } from './viwo/imagegen/v1/JobEvent.js';
import type { JobOptions as _viwo_imagegen_v1_JobOptions, JobOptions__Output as _viwo_imagegen_v1_JobOptions__Output } from './viwo/imagegen/v1/JobOptions.js';
import type { JobServiceClient as _viwo_imagegen_v1_JobServiceClient, JobServiceDefinition as _viwo_imagegen_v1_JobServiceDefinition } from './viwo/imagegen/v1/JobService.js';
import type { ListJobsRequest as _viwo_imagegen_v1_ListJobsRequest, ListJobsRequest__Output as _viwo_imagegen_v1_ListJobsRequest__Output } from './viwo/imagegen/v1/ListJobsRequest.js';
import type { ListJobsResponse as _viwo_imagegen_v1_ListJobsResponse, ListJobsResponse__Output as _viwo_imagegen_v1_ListJobsResponse__Output } from './viwo/imagegen/v1/ListJobsResponse.js';
import type { Lora as _viwo_imagegen_v1_Lora, Lora__Output as _viwo_imagegen_v1_Lora__Output } from './viwo/imagegen/v1/Lora.js';
import type { OutpaintRequest as _viwo_imagegen_v1_OutpaintRequest, OutpaintRequest__Output as _viwo_imagegen_v1_OutpaintRequest__Output } from './viwo/imagegen/v1/OutpaintRequest.js';
import type { OutputOptions as _viwo_imagegen_v1_OutputOptions, OutputOptions__Output as _viwo_imagegen_v1_OutputOptions__Output } from './viwo/imagegen/v1/OutputOptions.js';
import type { PreprocessRequest as _viwo_imagegen_v1_PreprocessRequest, PreprocessRequest__Output as _viwo_imagegen_v1_PreprocessRequest__Output } from './viwo/imagegen/v1/PreprocessRequest.js';
import type { RefinePromptRequest as _viwo_imagegen_v1_RefinePromptRequest, RefinePromptRequest__Output as _viwo_imagegen_v1_RefinePromptRequest__Output } from './viwo/imagegen/v1/RefinePromptRequest.js';
import type { RefinePromptResponse as _viwo_imagegen_v1_RefinePromptResponse, RefinePromptResponse__Output as _viwo_imagegen_v1_RefinePromptResponse__Output } from './viwo/imagegen/v1/RefinePromptResponse.js';
import type { RefinedPrompt as _viwo_imagegen_v1_RefinedPrompt, RefinedPrompt__Output as _viwo_imagegen_v1_RefinedPrompt__Output } from './viwo/imagegen/v1/RefinedPrompt.js';
import type { RemoveBackground as _viwo_imagegen_v1_RemoveBackground, RemoveBackground__Output as _viwo_imagegen_v1_RemoveBackground__Output } from './viwo/imagegen/v1/RemoveBackground.js';
import type { RerunJobRequest as _viwo_imagegen_v1_RerunJobRequest, RerunJobRequest__Output as _viwo_imagegen_v1_RerunJobRequest__Output } from './viwo/imagegen/v1/RerunJobRequest.js';
import type { Resize as _viwo_imagegen_v1_Resize, Resize__Output as _viwo_imagegen_v1_Resize__Output } from './viwo/imagegen/v1/Resize.js';
import type { SaveOptions as _viwo_imagegen_v1_SaveOptions, SaveOptions__Output as _viwo_imagegen_v1_SaveOptions__Output } from './viwo/imagegen/v1/SaveOptions.js';
import type { SubmitBatchRequest as _viwo_imagegen_v1_SubmitBatchRequest, SubmitBatchRequest__Output as _viwo_imagegen_v1_SubmitBatchRequest__Output } from './viwo/imagegen/v1/SubmitBatchRequest.js';
import type { SubmitJobRequest as _viwo_imagegen_v1_SubmitJobRequest, SubmitJobRequest__Output as _viwo_imagegen_v1_SubmitJobRequest__Output } from './viwo/imagegen/v1/SubmitJobRequest.js';
import type { TextToImageRequest as _viwo_imagegen_v1_TextToImageRequest, TextToImageRequest__Output as _viwo_imagegen_v1_TextToImageRequest__Output } from './viwo/imagegen/v1/TextToImageRequest.js';
import type { Transform as _viwo_imagegen_v1_Transform, Transform__Output as _viwo_imagegen_v1_Transform__Output } from './viwo/imagegen/v1/Transform.js';
import type { UpscaleImg2ImgRequest as _viwo_imagegen_v1_UpscaleImg2ImgRequest, UpscaleImg2ImgRequest__Output as _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output } from './viwo/imagegen/v1/UpscaleImg2ImgRequest.js';
import type { UpscaleRequest as _viwo_imagegen_v1_UpscaleRequest, UpscaleRequest__Output as _viwo_imagegen_v1_UpscaleRequest__Output } from './viwo/imagegen/v1/UpscaleRequest.js';
import type { UpscaleTraditionalRequest as _viwo_imagegen_v1_UpscaleTraditionalRequest, UpscaleTraditionalRequest__Output as _viwo_imagegen_v1_UpscaleTraditionalRequest__Output } from './viwo/imagegen/v1/UpscaleTraditionalRequest.js';
import type { Variations as _viwo_imagegen_v1_Variations, Variations__Output as _viwo_imagegen_v1_Variations__Output } from './viwo/imagegen/v1/Variations.js';
import type { WatchJobRequest as _viwo_imagegen_v1_WatchJobRequest, WatchJobRequest__Output as _viwo_imagegen_v1_WatchJobRequest__Output } from './viwo/imagegen/v1/WatchJobRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      FieldMask: MessageTypeDefinition<_google_protobuf_FieldMask, _google_protobuf_FieldMask__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  viwo: {
    imagegen: {
      v1: {
        ApplyRequest: MessageTypeDefinition<_viwo_imagegen_v1_ApplyRequest, _viwo_imagegen_v1_ApplyRequest__Output>
        Batch: MessageTypeDefinition<_viwo_imagegen_v1_Batch, _viwo_imagegen_v1_Batch__Output>
        BlendMode: EnumTypeDefinition
        Budget: MessageTypeDefinition<_viwo_imagegen_v1_Budget, _viwo_imagegen_v1_Budget__Output>
        BudgetStatusRequest: MessageTypeDefinition<_viwo_imagegen_v1_BudgetStatusRequest, _viwo_imagegen_v1_BudgetStatusRequest__Output>
        BudgetStatusResponse: MessageTypeDefinition<_viwo_imagegen_v1_BudgetStatusResponse, _viwo_imagegen_v1_BudgetStatusResponse__Output>
        CallContext: MessageTypeDefinition<_viwo_imagegen_v1_CallContext, _viwo_imagegen_v1_CallContext__Output>
        CancelBatchRequest: MessageTypeDefinition<_viwo_imagegen_v1_CancelBatchRequest, _viwo_imagegen_v1_CancelBatchRequest__Output>
        CancelJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_CancelJobRequest, _viwo_imagegen_v1_CancelJobRequest__Output>
        Composite: MessageTypeDefinition<_viwo_imagegen_v1_Composite, _viwo_imagegen_v1_Composite__Output>
        Control: MessageTypeDefinition<_viwo_imagegen_v1_Control, _viwo_imagegen_v1_Control__Output>
        ControlType: MessageTypeDefinition<_viwo_imagegen_v1_ControlType, _viwo_imagegen_v1_ControlType__Output>
        ControlTypesRequest: MessageTypeDefinition<_viwo_imagegen_v1_ControlTypesRequest, _viwo_imagegen_v1_ControlTypesRequest__Output>
        ControlTypesResponse: MessageTypeDefinition<_viwo_imagegen_v1_ControlTypesResponse, _viwo_imagegen_v1_ControlTypesResponse__Output>
        ConvertRequest: MessageTypeDefinition<_viwo_imagegen_v1_ConvertRequest, _viwo_imagegen_v1_ConvertRequest__Output>
        Cost: MessageTypeDefinition<_viwo_imagegen_v1_Cost, _viwo_imagegen_v1_Cost__Output>
        CostTier: EnumTypeDefinition
        Crop: MessageTypeDefinition<_viwo_imagegen_v1_Crop, _viwo_imagegen_v1_Crop__Output>
        DisconnectPolicy: EnumTypeDefinition
        EditOperation: MessageTypeDefinition<_viwo_imagegen_v1_EditOperation, _viwo_imagegen_v1_EditOperation__Output>
        EditRequest: MessageTypeDefinition<_viwo_imagegen_v1_EditRequest, _viwo_imagegen_v1_EditRequest__Output>
        EstimateResponse: MessageTypeDefinition<_viwo_imagegen_v1_EstimateResponse, _viwo_imagegen_v1_EstimateResponse__Output>
        ExportJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_ExportJobRequest, _viwo_imagegen_v1_ExportJobRequest__Output>
        FaceRestoreRequest: MessageTypeDefinition<_viwo_imagegen_v1_FaceRestoreRequest, _viwo_imagegen_v1_FaceRestoreRequest__Output>
        Failure: MessageTypeDefinition<_viwo_imagegen_v1_Failure, _viwo_imagegen_v1_Failure__Output>
        Filter: MessageTypeDefinition<_viwo_imagegen_v1_Filter, _viwo_imagegen_v1_Filter__Output>
        FilterKind: EnumTypeDefinition
        GenerationOptions: MessageTypeDefinition<_viwo_imagegen_v1_GenerationOptions, _viwo_imagegen_v1_GenerationOptions__Output>
        GetBatchRequest: MessageTypeDefinition<_viwo_imagegen_v1_GetBatchRequest, _viwo_imagegen_v1_GetBatchRequest__Output>
        GetJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_GetJobRequest, _viwo_imagegen_v1_GetJobRequest__Output>
        HiresFix: MessageTypeDefinition<_viwo_imagegen_v1_HiresFix, _viwo_imagegen_v1_HiresFix__Output>
        HistoryNode: MessageTypeDefinition<_viwo_imagegen_v1_HistoryNode, _viwo_imagegen_v1_HistoryNode__Output>
        HistoryRequest: MessageTypeDefinition<_viwo_imagegen_v1_HistoryRequest, _viwo_imagegen_v1_HistoryRequest__Output>
        Image: MessageTypeDefinition<_viwo_imagegen_v1_Image, _viwo_imagegen_v1_Image__Output>
        ImageFormat: EnumTypeDefinition
        ImageResponse: MessageTypeDefinition<_viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_ImageResponse__Output>
        ImageService: SubtypeConstructor<typeof grpc.Client, _viwo_imagegen_v1_ImageServiceClient> & { service: _viwo_imagegen_v1_ImageServiceDefinition }
        ImageSource: MessageTypeDefinition<_viwo_imagegen_v1_ImageSource, _viwo_imagegen_v1_ImageSource__Output>
        ImageToImageRequest: MessageTypeDefinition<_viwo_imagegen_v1_ImageToImageRequest, _viwo_imagegen_v1_ImageToImageRequest__Output>
        ImageVersion: MessageTypeDefinition<_viwo_imagegen_v1_ImageVersion, _viwo_imagegen_v1_ImageVersion__Output>
        ImportJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_ImportJobRequest, _viwo_imagegen_v1_ImportJobRequest__Output>
        InpaintRequest: MessageTypeDefinition<_viwo_imagegen_v1_InpaintRequest, _viwo_imagegen_v1_InpaintRequest__Output>
        InvokeRequest: MessageTypeDefinition<_viwo_imagegen_v1_InvokeRequest, _viwo_imagegen_v1_InvokeRequest__Output>
        InvokeResponse: MessageTypeDefinition<_viwo_imagegen_v1_InvokeResponse, _viwo_imagegen_v1_InvokeResponse__Output>
        Job: MessageTypeDefinition<_viwo_imagegen_v1_Job, _viwo_imagegen_v1_Job__Output>
        JobDocument: MessageTypeDefinition<_viwo_imagegen_v1_JobDocument, _viwo_imagegen_v1_JobDocument__Output>
        JobEvent: MessageTypeDefinition<_viwo_imagegen_v1_JobEvent, _viwo_imagegen_v1_JobEvent__Output>
        JobOptions: MessageTypeDefinition<_viwo_imagegen_v1_JobOptions, _viwo_imagegen_v1_JobOptions__Output>
        JobService: SubtypeConstructor<typeof grpc.Client, _viwo_imagegen_v1_JobServiceClient> & { service: _viwo_imagegen_v1_JobServiceDefinition }
        JobState: EnumTypeDefinition
        ListJobsRequest: MessageTypeDefinition<_viwo_imagegen_v1_ListJobsRequest, _viwo_imagegen_v1_ListJobsRequest__Output>
        ListJobsResponse: MessageTypeDefinition<_viwo_imagegen_v1_ListJobsResponse, _viwo_imagegen_v1_ListJobsResponse__Output>
        Lora: MessageTypeDefinition<_viwo_imagegen_v1_Lora, _viwo_imagegen_v1_Lora__Output>
        MaskFit: EnumTypeDefinition
        OnError: EnumTypeDefinition
        OutpaintRequest: MessageTypeDefinition<_viwo_imagegen_v1_OutpaintRequest, _viwo_imagegen_v1_OutpaintRequest__Output>
        OutputOptions: MessageTypeDefinition<_viwo_imagegen_v1_OutputOptions, _viwo_imagegen_v1_OutputOptions__Output>
        PreprocessRequest: MessageTypeDefinition<_viwo_imagegen_v1_PreprocessRequest, _viwo_imagegen_v1_PreprocessRequest__Output>
        RefinePromptRequest: MessageTypeDefinition<_viwo_imagegen_v1_RefinePromptRequest, _viwo_imagegen_v1_RefinePromptRequest__Output>
        RefinePromptResponse: MessageTypeDefinition<_viwo_imagegen_v1_RefinePromptResponse, _viwo_imagegen_v1_RefinePromptResponse__Output>
        RefinedPrompt: MessageTypeDefinition<_viwo_imagegen_v1_RefinedPrompt, _viwo_imagegen_v1_RefinedPrompt__Output>
        RemoveBackground: MessageTypeDefinition<_viwo_imagegen_v1_RemoveBackground, _viwo_imagegen_v1_RemoveBackground__Output>
        RerunJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_RerunJobRequest, _viwo_imagegen_v1_RerunJobRequest__Output>
        ResampleMethod: EnumTypeDefinition
        Resize: MessageTypeDefinition<_viwo_imagegen_v1_Resize, _viwo_imagegen_v1_Resize__Output>
        Reuse: EnumTypeDefinition
        SaveOptions: MessageTypeDefinition<_viwo_imagegen_v1_SaveOptions, _viwo_imagegen_v1_SaveOptions__Output>
        SubmitBatchRequest: MessageTypeDefinition<_viwo_imagegen_v1_SubmitBatchRequest, _viwo_imagegen_v1_SubmitBatchRequest__Output>
        SubmitJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_SubmitJobRequest, _viwo_imagegen_v1_SubmitJobRequest__Output>
        TextToImageRequest: MessageTypeDefinition<_viwo_imagegen_v1_TextToImageRequest, _viwo_imagegen_v1_TextToImageRequest__Output>
        Transform: MessageTypeDefinition<_viwo_imagegen_v1_Transform, _viwo_imagegen_v1_Transform__Output>
        UpscaleImg2ImgRequest: MessageTypeDefinition<_viwo_imagegen_v1_UpscaleImg2ImgRequest, _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output>
        UpscaleRequest: MessageTypeDefinition<_viwo_imagegen_v1_UpscaleRequest, _viwo_imagegen_v1_UpscaleRequest__Output>
        UpscaleTraditionalRequest: MessageTypeDefinition<_viwo_imagegen_v1_UpscaleTraditionalRequest, _viwo_imagegen_v1_UpscaleTraditionalRequest__Output>
        Variations: MessageTypeDefinition<_viwo_imagegen_v1_Variations, _viwo_imagegen_v1_Variations__Output>
        WatchJobRequest: MessageTypeDefinition<_viwo_imagegen_v1_WatchJobRequest, _viwo_imagegen_v1_WatchJobRequest__Output>
      }
    }
  }
}

