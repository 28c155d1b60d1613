// Original file: protos/viwo/imagegen/v1/job.proto

import type { Job as _viwo_imagegen_v1_Job, Job__Output as _viwo_imagegen_v1_Job__Output } from '../../../viwo/imagegen/v1/Job';

export interface Batch {
  'id'?: (string);
  'jobs'?: (_viwo_imagegen_v1_Job)[];
  'succeeded'?: (number);
  'failed'?: (number);
}

export interface Batch__Output {
  'id': (string);
  'jobs': (_viwo_imagegen_v1_Job__Output)[];
  'succeeded': (number);
  'failed': (number);
}
