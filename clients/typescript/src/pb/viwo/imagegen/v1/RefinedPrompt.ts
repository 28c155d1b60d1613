// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from '../../../viwo/imagegen/v1/Cost.js';

export interface RefinedPrompt {
  'prompt'?: (string);
  'refinedBy'?: (string);
  'cost'?: (_viwo_imagegen_v1_Cost | null);
}

export interface RefinedPrompt__Output {
  'prompt': (string);
  'refinedBy': (string);
  'cost': (_viwo_imagegen_v1_Cost__Output | null);
}
