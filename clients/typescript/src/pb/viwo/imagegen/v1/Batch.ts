// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Job as _viwo_imagegen_v1_Job, Job__Output as _viwo_imagegen_v1_Job__Output } from '../../../viwo/imagegen/v1/Job.js';
import type { OnError as _viwo_imagegen_v1_OnError, OnError__Output as _viwo_imagegen_v1_OnError__Output } from '../../../viwo/imagegen/v1/OnError.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface Batch {
  'id'?: (string);
  'jobs'?: (_viwo_imagegen_v1_Job)[];
  'succeeded'?: (number);
  'failed'?: (number);
  'canceled'?: (number);
  'left'?: (number);
  'step'?: (number | string | Long);
  'totalSteps'?: (number | string | Long);
  'onError'?: (_viwo_imagegen_v1_OnError);
  'createTime'?: (_google_protobuf_Timestamp | null);
}

export interface Batch__Output {
  'id': (string);
  'jobs': (_viwo_imagegen_v1_Job__Output)[];
  'succeeded': (number);
  'failed': (number);
  'canceled': (number);
  'left': (number);
  'step': (number);
  'totalSteps': (number);
  'onError': (_viwo_imagegen_v1_OnError__Output);
  'createTime': (_google_protobuf_Timestamp__Output | null);
}
