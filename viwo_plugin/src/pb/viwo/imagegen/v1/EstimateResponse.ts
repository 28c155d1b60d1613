// Original file: protos/viwo/imagegen/v1/job.proto

import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from '../../../viwo/imagegen/v1/Cost';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from '../../../viwo/imagegen/v1/Failure';

export interface EstimateResponse {
  'cost'?: (_viwo_imagegen_v1_Cost | null);
  'modelId'?: (string);
  'taskJson'?: (string);
  'refusal'?: (_viwo_imagegen_v1_Failure | null);
}

export interface EstimateResponse__Output {
  'cost': (_viwo_imagegen_v1_Cost__Output | null);
  'modelId': (string);
  'taskJson': (string);
  'refusal': (_viwo_imagegen_v1_Failure__Output | null);
}
