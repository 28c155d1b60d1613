// Original file: protos/viwo/imagegen/v1/job.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp';
import type { Job as _viwo_imagegen_v1_Job, Job__Output as _viwo_imagegen_v1_Job__Output } from '../../../viwo/imagegen/v1/Job';
import type { Long } from '@grpc/proto-loader';

export interface _viwo_imagegen_v1_JobEvent_Loading {
  'modelId'?: (string);
  'bytesDone'?: (number | string | Long);
  'bytesTotal'?: (number | string | Long);
}

export interface _viwo_imagegen_v1_JobEvent_Loading__Output {
  'modelId': (string);
  'bytesDone': (number);
  'bytesTotal': (number);
}

export interface _viwo_imagegen_v1_JobEvent_Preview {
  'data'?: (Buffer | Uint8Array | string);
  'width'?: (number);
  'height'?: (number);
  'imageIndex'?: (number);
}

export interface _viwo_imagegen_v1_JobEvent_Preview__Output {
  'data': (Buffer);
  'width': (number);
  'height': (number);
  'imageIndex': (number);
}

export interface _viwo_imagegen_v1_JobEvent_Queued {
  'position'?: (number);
}

export interface _viwo_imagegen_v1_JobEvent_Queued__Output {
  'position': (number);
}

export interface _viwo_imagegen_v1_JobEvent_Step {
  'step'?: (number);
  'total'?: (number);
  'imageIndex'?: (number);
}

export interface _viwo_imagegen_v1_JobEvent_Step__Output {
  'step': (number);
  'total': (number);
  'imageIndex': (number);
}

export interface JobEvent {
  'jobId'?: (string);
  'time'?: (_google_protobuf_Timestamp | null);
  'queued'?: (_viwo_imagegen_v1_JobEvent_Queued | null);
  'loading'?: (_viwo_imagegen_v1_JobEvent_Loading | null);
  'step'?: (_viwo_imagegen_v1_JobEvent_Step | null);
  'preview'?: (_viwo_imagegen_v1_JobEvent_Preview | null);
  'ended'?: (_viwo_imagegen_v1_Job | null);
  'event'?: "queued"|"loading"|"step"|"preview"|"ended";
}

export interface JobEvent__Output {
  'jobId': (string);
  'time': (_google_protobuf_Timestamp__Output | null);
  'queued'?: (_viwo_imagegen_v1_JobEvent_Queued__Output | null);
  'loading'?: (_viwo_imagegen_v1_JobEvent_Loading__Output | null);
  'step'?: (_viwo_imagegen_v1_JobEvent_Step__Output | null);
  'preview'?: (_viwo_imagegen_v1_JobEvent_Preview__Output | null);
  'ended'?: (_viwo_imagegen_v1_Job__Output | null);
  'event'?: "queued"|"loading"|"step"|"preview"|"ended";
}
