// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { SubmitJobRequest as _viwo_imagegen_v1_SubmitJobRequest, SubmitJobRequest__Output as _viwo_imagegen_v1_SubmitJobRequest__Output } from '../../../viwo/imagegen/v1/SubmitJobRequest.js';
import type { Long } from '@grpc/proto-loader';

export interface Variations {
  'task'?: (_viwo_imagegen_v1_SubmitJobRequest | null);
  'prompts'?: (string)[];
  'seeds'?: (number | string | Long)[];
  'count'?: (number);
}

export interface Variations__Output {
  'task': (_viwo_imagegen_v1_SubmitJobRequest__Output | null);
  'prompts': (string)[];
  'seeds': (number)[];
  'count': (number);
}
