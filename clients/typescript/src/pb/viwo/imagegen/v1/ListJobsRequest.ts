// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { JobState as _viwo_imagegen_v1_JobState, JobState__Output as _viwo_imagegen_v1_JobState__Output } from '../../../viwo/imagegen/v1/JobState.js';
import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from '../../../google/protobuf/FieldMask.js';
import type { Long } from '@grpc/proto-loader';

export interface ListJobsRequest {
  'states'?: (_viwo_imagegen_v1_JobState)[];
  'capabilityId'?: (string);
  'ownerId'?: (number | string | Long);
  'pageSize'?: (number);
  'pageToken'?: (string);
  'readMask'?: (_google_protobuf_FieldMask | null);
}

export interface ListJobsRequest__Output {
  'states': (_viwo_imagegen_v1_JobState__Output)[];
  'capabilityId': (string);
  'ownerId': (number);
  'pageSize': (number);
  'pageToken': (string);
  'readMask': (_google_protobuf_FieldMask__Output | null);
}
