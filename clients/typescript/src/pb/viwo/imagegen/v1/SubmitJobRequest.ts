// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { TextToImageRequest as _viwo_imagegen_v1_TextToImageRequest, TextToImageRequest__Output as _viwo_imagegen_v1_TextToImageRequest__Output } from '../../../viwo/imagegen/v1/TextToImageRequest.js';
import type { ImageToImageRequest as _viwo_imagegen_v1_ImageToImageRequest, ImageToImageRequest__Output as _viwo_imagegen_v1_ImageToImageRequest__Output } from '../../../viwo/imagegen/v1/ImageToImageRequest.js';
import type { PreprocessRequest as _viwo_imagegen_v1_PreprocessRequest, PreprocessRequest__Output as _viwo_imagegen_v1_PreprocessRequest__Output } from '../../../viwo/imagegen/v1/PreprocessRequest.js';
import type { ApplyRequest as _viwo_imagegen_v1_ApplyRequest, ApplyRequest__Output as _viwo_imagegen_v1_ApplyRequest__Output } from '../../../viwo/imagegen/v1/ApplyRequest.js';
import type { InpaintRequest as _viwo_imagegen_v1_InpaintRequest, InpaintRequest__Output as _viwo_imagegen_v1_InpaintRequest__Output } from '../../../viwo/imagegen/v1/InpaintRequest.js';
import type { OutpaintRequest as _viwo_imagegen_v1_OutpaintRequest, OutpaintRequest__Output as _viwo_imagegen_v1_OutpaintRequest__Output } from '../../../viwo/imagegen/v1/OutpaintRequest.js';
import type { UpscaleRequest as _viwo_imagegen_v1_UpscaleRequest, UpscaleRequest__Output as _viwo_imagegen_v1_UpscaleRequest__Output } from '../../../viwo/imagegen/v1/UpscaleRequest.js';
import type { UpscaleTraditionalRequest as _viwo_imagegen_v1_UpscaleTraditionalRequest, UpscaleTraditionalRequest__Output as _viwo_imagegen_v1_UpscaleTraditionalRequest__Output } from '../../../viwo/imagegen/v1/UpscaleTraditionalRequest.js';
import type { UpscaleImg2ImgRequest as _viwo_imagegen_v1_UpscaleImg2ImgRequest, UpscaleImg2ImgRequest__Output as _viwo_imagegen_v1_UpscaleImg2ImgRequest__Output } from '../../../viwo/imagegen/v1/UpscaleImg2ImgRequest.js';
import type { FaceRestoreRequest as _viwo_imagegen_v1_FaceRestoreRequest, FaceRestoreRequest__Output as _viwo_imagegen_v1_FaceRestoreRequest__Output } from '../../../viwo/imagegen/v1/FaceRestoreRequest.js';
import type { EditRequest as _viwo_imagegen_v1_EditRequest, EditRequest__Output as _viwo_imagegen_v1_EditRequest__Output } from '../../../viwo/imagegen/v1/EditRequest.js';
import type { InvokeRequest as _viwo_imagegen_v1_InvokeRequest, InvokeRequest__Output as _viwo_imagegen_v1_InvokeRequest__Output } from '../../../viwo/imagegen/v1/InvokeRequest.js';
import type { ConvertRequest as _viwo_imagegen_v1_ConvertRequest, ConvertRequest__Output as _viwo_imagegen_v1_ConvertRequest__Output } from '../../../viwo/imagegen/v1/ConvertRequest.js';

export interface SubmitJobRequest {
  'textToImage'?: (_viwo_imagegen_v1_TextToImageRequest | null);
  'imageToImage'?: (_viwo_imagegen_v1_ImageToImageRequest | null);
  'preprocess'?: (_viwo_imagegen_v1_PreprocessRequest | null);
  'apply'?: (_viwo_imagegen_v1_ApplyRequest | null);
  'inpaint'?: (_viwo_imagegen_v1_InpaintRequest | null);
  'outpaint'?: (_viwo_imagegen_v1_OutpaintRequest | null);
  'upscale'?: (_viwo_imagegen_v1_UpscaleRequest | null);
  'upscaleTraditional'?: (_viwo_imagegen_v1_UpscaleTraditionalRequest | null);
  'upscaleImg2img'?: (_viwo_imagegen_v1_UpscaleImg2ImgRequest | null);
  'faceRestore'?: (_viwo_imagegen_v1_FaceRestoreRequest | null);
  'edit'?: (_viwo_imagegen_v1_EditRequest | null);
  'invoke'?: (_viwo_imagegen_v1_InvokeRequest | null);
  'convert'?: (_viwo_imagegen_v1_ConvertRequest | null);
  'requestId'?: (string);
  'task'?: "textToImage"|"imageToImage"|"preprocess"|"apply"|"inpaint"|"outpaint"|"upscale"|"upscaleTraditional"|"upscaleImg2img"|"faceRestore"|"edit"|"invoke"|"convert";
}

export interface SubmitJobRequest__Output {
  'textToImage'?: (_viwo_imagegen_v1_TextToImageRequest__Output | null);
  'imageToImage'?: (_viwo_imagegen_v1_ImageToImageRequest__Output | null);
  'preprocess'?: (_viwo_imagegen_v1_PreprocessRequest__Output | null);
  'apply'?: (_viwo_imagegen_v1_ApplyRequest__Output | null);
  'inpaint'?: (_viwo_imagegen_v1_InpaintRequest__Output | null);
  'outpaint'?: (_viwo_imagegen_v1_OutpaintRequest__Output | null);
  'upscale'?: (_viwo_imagegen_v1_UpscaleRequest__Output | null);
  'upscaleTraditional'?: (_viwo_imagegen_v1_UpscaleTraditionalRequest__Output | null);
  'upscaleImg2img'?: (_viwo_imagegen_v1_UpscaleImg2ImgRequest__Output | null);
  'faceRestore'?: (_viwo_imagegen_v1_FaceRestoreRequest__Output | null);
  'edit'?: (_viwo_imagegen_v1_EditRequest__Output | null);
  'invoke'?: (_viwo_imagegen_v1_InvokeRequest__Output | null);
  'convert'?: (_viwo_imagegen_v1_ConvertRequest__Output | null);
  'requestId': (string);
  'task'?: "textToImage"|"imageToImage"|"preprocess"|"apply"|"inpaint"|"outpaint"|"upscale"|"upscaleTraditional"|"upscaleImg2img"|"faceRestore"|"edit"|"invoke"|"convert";
}
