// Original file: protos/viwo/imagegen/v1/image.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ApplyRequest as _viwo_imagegen_v1_ApplyRequest, ApplyRequest__Output as _viwo_imagegen_v1_ApplyRequest__Output } from '../../../viwo/imagegen/v1/ApplyRequest';
import type { ControlTypesRequest as _viwo_imagegen_v1_ControlTypesRequest, ControlTypesRequest__Output as _viwo_imagegen_v1_ControlTypesRequest__Output } from '../../../viwo/imagegen/v1/ControlTypesRequest';
import type { ControlTypesResponse as _viwo_imagegen_v1_ControlTypesResponse, ControlTypesResponse__Output as _viwo_imagegen_v1_ControlTypesResponse__Output } from '../../../viwo/imagegen/v1/ControlTypesResponse';
import type { ConvertRequest as _viwo_imagegen_v1_ConvertRequest, ConvertRequest__Output as _viwo_imagegen_v1_ConvertRequest__Output } from '../../../viwo/imagegen/v1/ConvertRequest';
import type { EditRequest as _viwo_imagegen_v1_EditRequest, EditRequest__Output as _viwo_imagegen_v1_EditRequest__Output } from '../../../viwo/imagegen/v1/EditRequest';
import type { FaceRestoreRequest as _viwo_imagegen_v1_FaceRestoreRequest, FaceRestoreRequest__Output as _viwo_imagegen_v1_FaceRestoreRequest__Output } from '../../../viwo/imagegen/v1/FaceRestoreRequest';
import type { ImageResponse as _viwo_imagegen_v1_ImageResponse, ImageResponse__Output as _viwo_imagegen_v1_ImageResponse__Output } from '../../../viwo/imagegen/v1/ImageResponse';
import type { ImageToImageRequest as _viwo_imagegen_v1_ImageToImageRequest, ImageToImageRequest__Output as _viwo_imagegen_v1_ImageToImageRequest__Output } from '../../../viwo/imagegen/v1/ImageToImageRequest';
import type { InpaintRequest as _viwo_imagegen_v1_InpaintRequest, InpaintRequest__Output as _viwo_imagegen_v1_InpaintRequest__Output } from '../../../viwo/imagegen/v1/InpaintRequest';
import type { InvokeRequest as _viwo_imagegen_v1_InvokeRequest, InvokeRequest__Output as _viwo_imagegen_v1_InvokeRequest__Output } from '../../../viwo/imagegen/v1/InvokeRequest';
import type { InvokeResponse as _viwo_imagegen_v1_InvokeResponse, InvokeResponse__Output as _viwo_imagegen_v1_InvokeResponse__Output } from '../../../viwo/imagegen/v1/InvokeResponse';
import type { OutpaintRequest as _viwo_imagegen_v1_OutpaintRequest, OutpaintRequest__Output as _viwo_imagegen_v1_OutpaintRequest__Output } from '../../../viwo/imagegen/v1/OutpaintRequest';
import type { PreprocessRequest as _viwo_imagegen_v1_PreprocessRequest, PreprocessRequest__Output as _viwo_imagegen_v1_PreprocessRequest__Output } from '../../../viwo/imagegen/v1/PreprocessRequest';
import type { RefinePromptRequest as _viwo_imagegen_v1_RefinePromptRequest, RefinePromptRequest__Output as _viwo_imagegen_v1_RefinePromptRequest__Output } from '../../../viwo/imagegen/v1/RefinePromptRequest';
import type { RefinePromptResponse as _viwo_imagegen_v1_RefinePromptResponse, RefinePromptResponse__Output as _viwo_imagegen_v1_RefinePromptResponse__Output } from '../../../viwo/imagegen/v1/RefinePromptResponse';
import type { TextToImageRequest as _viwo_imagegen_v1_TextToImageRequest, TextToImageRequest__Output as _viwo_imagegen_v1_TextToImageRequest__Output } from '../../../viwo/imagegen/v1/TextToImageRequest';
import type { UpscaleImg2ImgRequest as _viwo_imagegen_v1_UpscaleImg2ImgRequest, UpscaleImg2ImgRequest__Output as _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output } from '../../../viwo/imagegen/v1/UpscaleImg2ImgRequest';
import type { UpscaleRequest as _viwo_imagegen_v1_UpscaleRequest, UpscaleRequest__Output as _viwo_imagegen_v1_UpscaleRequest__Output } from '../../../viwo/imagegen/v1/UpscaleRequest';
import type { UpscaleTraditionalRequest as _viwo_imagegen_v1_UpscaleTraditionalRequest, UpscaleTraditionalRequest__Output as _viwo_imagegen_v1_UpscaleTraditionalRequest__Output } from '../../../viwo/imagegen/v1/UpscaleTraditionalRequest';

export interface ImageServiceClient extends grpc.Client {
  Apply(argument: _viwo_imagegen_v1_ApplyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Apply(argument: _viwo_imagegen_v1_ApplyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Apply(argument: _viwo_imagegen_v1_ApplyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Apply(argument: _viwo_imagegen_v1_ApplyRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _viwo_imagegen_v1_ApplyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _viwo_imagegen_v1_ApplyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _viwo_imagegen_v1_ApplyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _viwo_imagegen_v1_ApplyRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  ControlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  ControlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  ControlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  ControlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  controlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  controlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  controlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  controlTypes(argument: _viwo_imagegen_v1_ControlTypesRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ControlTypesResponse__Output>): grpc.ClientUnaryCall;
  
  Convert(argument: _viwo_imagegen_v1_ConvertRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Convert(argument: _viwo_imagegen_v1_ConvertRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Convert(argument: _viwo_imagegen_v1_ConvertRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Convert(argument: _viwo_imagegen_v1_ConvertRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  convert(argument: _viwo_imagegen_v1_ConvertRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  convert(argument: _viwo_imagegen_v1_ConvertRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  convert(argument: _viwo_imagegen_v1_ConvertRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  convert(argument: _viwo_imagegen_v1_ConvertRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  Edit(argument: _viwo_imagegen_v1_EditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Edit(argument: _viwo_imagegen_v1_EditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Edit(argument: _viwo_imagegen_v1_EditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Edit(argument: _viwo_imagegen_v1_EditRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  edit(argument: _viwo_imagegen_v1_EditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  edit(argument: _viwo_imagegen_v1_EditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  edit(argument: _viwo_imagegen_v1_EditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  edit(argument: _viwo_imagegen_v1_EditRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  FaceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  FaceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  FaceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  FaceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  faceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  faceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  faceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  faceRestore(argument: _viwo_imagegen_v1_FaceRestoreRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  ImageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  ImageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  ImageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  ImageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  imageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  imageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  imageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  imageToImage(argument: _viwo_imagegen_v1_ImageToImageRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  Inpaint(argument: _viwo_imagegen_v1_InpaintRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Inpaint(argument: _viwo_imagegen_v1_InpaintRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Inpaint(argument: _viwo_imagegen_v1_InpaintRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Inpaint(argument: _viwo_imagegen_v1_InpaintRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  inpaint(argument: _viwo_imagegen_v1_InpaintRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  inpaint(argument: _viwo_imagegen_v1_InpaintRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  inpaint(argument: _viwo_imagegen_v1_InpaintRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  inpaint(argument: _viwo_imagegen_v1_InpaintRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  Invoke(argument: _viwo_imagegen_v1_InvokeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  Invoke(argument: _viwo_imagegen_v1_InvokeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  Invoke(argument: _viwo_imagegen_v1_InvokeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  Invoke(argument: _viwo_imagegen_v1_InvokeRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  invoke(argument: _viwo_imagegen_v1_InvokeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  invoke(argument: _viwo_imagegen_v1_InvokeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  invoke(argument: _viwo_imagegen_v1_InvokeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  invoke(argument: _viwo_imagegen_v1_InvokeRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_InvokeResponse__Output>): grpc.ClientUnaryCall;
  
  Outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  outpaint(argument: _viwo_imagegen_v1_OutpaintRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  Preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  preprocess(argument: _viwo_imagegen_v1_PreprocessRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  RefinePrompt(argument: _viwo_imagegen_v1_RefinePromptRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_RefinePromptResponse__Output>;
  RefinePrompt(argument: _viwo_imagegen_v1_RefinePromptRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_RefinePromptResponse__Output>;
  refinePrompt(argument: _viwo_imagegen_v1_RefinePromptRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_RefinePromptResponse__Output>;
  refinePrompt(argument: _viwo_imagegen_v1_RefinePromptRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_RefinePromptResponse__Output>;
  
  TextToImage(argument: _viwo_imagegen_v1_TextToImageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  TextToImage(argument: _viwo_imagegen_v1_TextToImageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  TextToImage(argument: _viwo_imagegen_v1_TextToImageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  TextToImage(argument: _viwo_imagegen_v1_TextToImageRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  textToImage(argument: _viwo_imagegen_v1_TextToImageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  textToImage(argument: _viwo_imagegen_v1_TextToImageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  textToImage(argument: _viwo_imagegen_v1_TextToImageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  textToImage(argument: _viwo_imagegen_v1_TextToImageRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  Upscale(argument: _viwo_imagegen_v1_UpscaleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Upscale(argument: _viwo_imagegen_v1_UpscaleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Upscale(argument: _viwo_imagegen_v1_UpscaleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  Upscale(argument: _viwo_imagegen_v1_UpscaleRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscale(argument: _viwo_imagegen_v1_UpscaleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscale(argument: _viwo_imagegen_v1_UpscaleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscale(argument: _viwo_imagegen_v1_UpscaleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscale(argument: _viwo_imagegen_v1_UpscaleRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  UpscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  UpscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  UpscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  UpscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleImg2Img(argument: _viwo_imagegen_v1_UpscaleImg2ImgRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
  UpscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  UpscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  UpscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  UpscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  upscaleTraditional(argument: _viwo_imagegen_v1_UpscaleTraditionalRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ImageResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface ImageServiceHandlers extends grpc.UntypedServiceImplementation {
  Apply: grpc.handleUnaryCall<_viwo_imagegen_v1_ApplyRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  ControlTypes: grpc.handleUnaryCall<_viwo_imagegen_v1_ControlTypesRequest__Output, _viwo_imagegen_v1_ControlTypesResponse>;
  
  Convert: grpc.handleUnaryCall<_viwo_imagegen_v1_ConvertRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  Edit: grpc.handleUnaryCall<_viwo_imagegen_v1_EditRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  FaceRestore: grpc.handleUnaryCall<_viwo_imagegen_v1_FaceRestoreRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  ImageToImage: grpc.handleUnaryCall<_viwo_imagegen_v1_ImageToImageRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  Inpaint: grpc.handleUnaryCall<_viwo_imagegen_v1_InpaintRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  Invoke: grpc.handleUnaryCall<_viwo_imagegen_v1_InvokeRequest__Output, _viwo_imagegen_v1_InvokeResponse>;
  
  Outpaint: grpc.handleUnaryCall<_viwo_imagegen_v1_OutpaintRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  Preprocess: grpc.handleUnaryCall<_viwo_imagegen_v1_PreprocessRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  RefinePrompt: grpc.handleServerStreamingCall<_viwo_imagegen_v1_RefinePromptRequest__Output, _viwo_imagegen_v1_RefinePromptResponse>;
  
  TextToImage: grpc.handleUnaryCall<_viwo_imagegen_v1_TextToImageRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  Upscale: grpc.handleUnaryCall<_viwo_imagegen_v1_UpscaleRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  UpscaleImg2Img: grpc.handleUnaryCall<_viwo_imagegen_v1_UpscaleImg2ImgRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
  UpscaleTraditional: grpc.handleUnaryCall<_viwo_imagegen_v1_UpscaleTraditionalRequest__Output, _viwo_imagegen_v1_ImageResponse>;
  
}

export interface ImageServiceDefinition extends grpc.ServiceDefinition {
  Apply: MethodDefinition<_viwo_imagegen_v1_ApplyRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_ApplyRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  ControlTypes: MethodDefinition<_viwo_imagegen_v1_ControlTypesRequest, _viwo_imagegen_v1_ControlTypesResponse, _viwo_imagegen_v1_ControlTypesRequest__Output, _viwo_imagegen_v1_ControlTypesResponse__Output>
  Convert: MethodDefinition<_viwo_imagegen_v1_ConvertRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_ConvertRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  Edit: MethodDefinition<_viwo_imagegen_v1_EditRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_EditRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  FaceRestore: MethodDefinition<_viwo_imagegen_v1_FaceRestoreRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_FaceRestoreRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  ImageToImage: MethodDefinition<_viwo_imagegen_v1_ImageToImageRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_ImageToImageRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  Inpaint: MethodDefinition<_viwo_imagegen_v1_InpaintRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_InpaintRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  Invoke: MethodDefinition<_viwo_imagegen_v1_InvokeRequest, _viwo_imagegen_v1_InvokeResponse, _viwo_imagegen_v1_InvokeRequest__Output, _viwo_imagegen_v1_InvokeResponse__Output>
  Outpaint: MethodDefinition<_viwo_imagegen_v1_OutpaintRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_OutpaintRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  Preprocess: MethodDefinition<_viwo_imagegen_v1_PreprocessRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_PreprocessRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  RefinePrompt: MethodDefinition<_viwo_imagegen_v1_RefinePromptRequest, _viwo_imagegen_v1_RefinePromptResponse, _viwo_imagegen_v1_RefinePromptRequest__Output, _viwo_imagegen_v1_RefinePromptResponse__Output>
  TextToImage: MethodDefinition<_viwo_imagegen_v1_TextToImageRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_TextToImageRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  Upscale: MethodDefinition<_viwo_imagegen_v1_UpscaleRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_UpscaleRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  UpscaleImg2Img: MethodDefinition<_viwo_imagegen_v1_UpscaleImg2ImgRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
  UpscaleTraditional: MethodDefinition<_viwo_imagegen_v1_UpscaleTraditionalRequest, _viwo_imagegen_v1_ImageResponse, _viwo_imagegen_v1_UpscaleTraditionalRequest__Output, _viwo_imagegen_v1_ImageResponse__Output>
}
