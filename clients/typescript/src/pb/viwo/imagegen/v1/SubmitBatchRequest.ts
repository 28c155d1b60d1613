// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { SubmitJobRequest as _viwo_imagegen_v1_SubmitJobRequest, SubmitJobRequest__Output as _viwo_imagegen_v1_SubmitJobRequest__Output } from '../../../viwo/imagegen/v1/SubmitJobRequest.js';
import type { OnError as _viwo_imagegen_v1_OnError, OnError__Output as _viwo_imagegen_v1_OnError__Output } from '../../../viwo/imagegen/v1/OnError.js';
import type { Variations as _viwo_imagegen_v1_Variations, Variations__Output as _viwo_imagegen_v1_Variations__Output } from '../../../viwo/imagegen/v1/Variations.js';

export interface SubmitBatchRequest {
  'tasks'?: (_viwo_imagegen_v1_SubmitJobRequest)[];
  'onError'?: (_viwo_imagegen_v1_OnError);
  'variations'?: (_viwo_imagegen_v1_Variations | null);
  'requestId'?: (string);
}

export interface SubmitBatchRequest__Output {
  'tasks': (_viwo_imagegen_v1_SubmitJobRequest__Output)[];
  'onError': (_viwo_imagegen_v1_OnError__Output);
  'variations': (_viwo_imagegen_v1_Variations__Output | null);
  'requestId': (string);
}
