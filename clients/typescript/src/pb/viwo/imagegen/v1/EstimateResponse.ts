// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from '../../../viwo/imagegen/v1/Cost.js';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from '../../../viwo/imagegen/v1/Failure.js';
import type { CostTier as _viwo_imagegen_v1_CostTier, CostTier__Output as _viwo_imagegen_v1_CostTier__Output } from '../../../viwo/imagegen/v1/CostTier.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.js';

export interface EstimateResponse {
  'cost'?: (_viwo_imagegen_v1_Cost | null);
  'modelId'?: (string);
  'taskJson'?: (string);
  'refusal'?: (_viwo_imagegen_v1_Failure | null);
  'tier'?: (_viwo_imagegen_v1_CostTier);
  'blocked'?: (_viwo_imagegen_v1_Failure | null);
  'reused'?: (boolean);
  'work'?: (_google_protobuf_Duration | null);
}

export interface EstimateResponse__Output {
  'cost': (_viwo_imagegen_v1_Cost__Output | null);
  'modelId': (string);
  'taskJson': (string);
  'refusal': (_viwo_imagegen_v1_Failure__Output | null);
  'tier': (_viwo_imagegen_v1_CostTier__Output);
  'blocked': (_viwo_imagegen_v1_Failure__Output | null);
  'reused': (boolean);
  'work': (_google_protobuf_Duration__Output | null);
}
