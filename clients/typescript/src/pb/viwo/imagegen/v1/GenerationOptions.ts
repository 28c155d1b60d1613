// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { Lora as _viwo_imagegen_v1_Lora, Lora__Output as _viwo_imagegen_v1_Lora__Output } from '../../../viwo/imagegen/v1/Lora.js';
import type { Long } from '@grpc/proto-loader';

export interface GenerationOptions {
  'modelId'?: (string);
  'negativePrompt'?: (string);
  'prompt_2'?: (string);
  'negativePrompt_2'?: (string);
  'width'?: (number);
  'height'?: (number);
  'steps'?: (number);
  'guidanceScale'?: (number | string);
  'seed'?: (number | string | Long);
  'count'?: (number);
  'scheduler'?: (string);
  'loras'?: (_viwo_imagegen_v1_Lora)[];
  'clipSkip'?: (number);
  'vae'?: (string);
  'tiling'?: (boolean);
  'background'?: (string);
  '_modelId'?: "modelId";
  '_negativePrompt'?: "negativePrompt";
  '_prompt_2'?: "prompt_2";
  '_negativePrompt_2'?: "negativePrompt_2";
  '_width'?: "width";
  '_height'?: "height";
  '_steps'?: "steps";
  '_guidanceScale'?: "guidanceScale";
  '_seed'?: "seed";
  '_count'?: "count";
  '_scheduler'?: "scheduler";
  '_clipSkip'?: "clipSkip";
  '_vae'?: "vae";
  '_tiling'?: "tiling";
  '_background'?: "background";
}

export interface GenerationOptions__Output {
  'modelId'?: (string);
  'negativePrompt'?: (string);
  'prompt_2'?: (string);
  'negativePrompt_2'?: (string);
  'width'?: (number);
  'height'?: (number);
  'steps'?: (number);
  'guidanceScale'?: (number);
  'seed'?: (number);
  'count'?: (number);
  'scheduler'?: (string);
  'loras': (_viwo_imagegen_v1_Lora__Output)[];
  'clipSkip'?: (number);
  'vae'?: (string);
  'tiling'?: (boolean);
  'background'?: (string);
  '_modelId'?: "modelId";
  '_negativePrompt'?: "negativePrompt";
  '_prompt_2'?: "prompt_2";
  '_negativePrompt_2'?: "negativePrompt_2";
  '_width'?: "width";
  '_height'?: "height";
  '_steps'?: "steps";
  '_guidanceScale'?: "guidanceScale";
  '_seed'?: "seed";
  '_count'?: "count";
  '_scheduler'?: "scheduler";
  '_clipSkip'?: "clipSkip";
  '_vae'?: "vae";
  '_tiling'?: "tiling";
  '_background'?: "background";
}
