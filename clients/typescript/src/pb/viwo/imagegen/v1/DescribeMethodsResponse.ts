// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { MethodDescription as _viwo_imagegen_v1_MethodDescription, MethodDescription__Output as _viwo_imagegen_v1_MethodDescription__Output } from '../../../viwo/imagegen/v1/MethodDescription.js';

export interface DescribeMethodsResponse {
  'methods'?: (_viwo_imagegen_v1_MethodDescription)[];
}

export interface DescribeMethodsResponse__Output {
  'methods': (_viwo_imagegen_v1_MethodDescription__Output)[];
}
