// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Job as _viwo_imagegen_v1_Job, Job__Output as _viwo_imagegen_v1_Job__Output } from '../../../viwo/imagegen/v1/Job.js';

export interface ListJobsResponse {
  'jobs'?: (_viwo_imagegen_v1_Job)[];
  'nextPageToken'?: (string);
}

export interface ListJobsResponse__Output {
  'jobs': (_viwo_imagegen_v1_Job__Output)[];
  'nextPageToken': (string);
}
