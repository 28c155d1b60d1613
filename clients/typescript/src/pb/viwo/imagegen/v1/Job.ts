// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { JobState as _viwo_imagegen_v1_JobState, JobState__Output as _viwo_imagegen_v1_JobState__Output } from '../../../viwo/imagegen/v1/JobState.js';
import type { CallContext as _viwo_imagegen_v1_CallContext, CallContext__Output as _viwo_imagegen_v1_CallContext__Output } from '../../../viwo/imagegen/v1/CallContext.js';
import type { Image as _viwo_imagegen_v1_Image, Image__Output as _viwo_imagegen_v1_Image__Output } from '../../../viwo/imagegen/v1/Image.js';
import type { Failure as _viwo_imagegen_v1_Failure, Failure__Output as _viwo_imagegen_v1_Failure__Output } from '../../../viwo/imagegen/v1/Failure.js';
import type { Cost as _viwo_imagegen_v1_Cost, Cost__Output as _viwo_imagegen_v1_Cost__Output } from '../../../viwo/imagegen/v1/Cost.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.js';

export interface Job {
  'id'?: (string);
  'state'?: (_viwo_imagegen_v1_JobState);
  'method'?: (string);
  'context'?: (_viwo_imagegen_v1_CallContext | null);
  'taskJson'?: (string);
  'images'?: (_viwo_imagegen_v1_Image)[];
  'failure'?: (_viwo_imagegen_v1_Failure | null);
  'cost'?: (_viwo_imagegen_v1_Cost | null);
  'step'?: (number);
  'totalSteps'?: (number);
  'queuePosition'?: (number);
  'attempts'?: (number);
  'modelId'?: (string);
  'createTime'?: (_google_protobuf_Timestamp | null);
  'startTime'?: (_google_protobuf_Timestamp | null);
  'endTime'?: (_google_protobuf_Timestamp | null);
  'workSeconds'?: (number | string);
  'priority'?: (number);
  'deadline'?: (_google_protobuf_Timestamp | null);
  'batchId'?: (string);
  'answeredBy'?: (string);
  'engine'?: (string);
  'warnings'?: (string)[];
}

export interface Job__Output {
  'id': (string);
  'state': (_viwo_imagegen_v1_JobState__Output);
  'method': (string);
  'context': (_viwo_imagegen_v1_CallContext__Output | null);
  'taskJson': (string);
  'images': (_viwo_imagegen_v1_Image__Output)[];
  'failure': (_viwo_imagegen_v1_Failure__Output | null);
  'cost': (_viwo_imagegen_v1_Cost__Output | null);
  'step': (number);
  'totalSteps': (number);
  'queuePosition': (number);
  'attempts': (number);
  'modelId': (string);
  'createTime': (_google_protobuf_Timestamp__Output | null);
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'endTime': (_google_protobuf_Timestamp__Output | null);
  'workSeconds': (number);
  'priority': (number);
  'deadline': (_google_protobuf_Timestamp__Output | null);
  'batchId': (string);
  'answeredBy': (string);
  'engine': (string);
  'warnings': (string)[];
}
