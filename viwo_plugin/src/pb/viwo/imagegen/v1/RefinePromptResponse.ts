// Original file: protos/viwo/imagegen/v1/image.proto

import type { RefinedPrompt as _viwo_imagegen_v1_RefinedPrompt, RefinedPrompt__Output as _viwo_imagegen_v1_RefinedPrompt__Output } from '../../../viwo/imagegen/v1/RefinedPrompt';

export interface RefinePromptResponse {
  'text'?: (string);
  'refined'?: (_viwo_imagegen_v1_RefinedPrompt | null);
  'part'?: "text"|"refined";
}

export interface RefinePromptResponse__Output {
  'text'?: (string);
  'refined'?: (_viwo_imagegen_v1_RefinedPrompt__Output | null);
  'part'?: "text"|"refined";
}
