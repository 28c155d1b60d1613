// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { FilterKind as _viwo_imagegen_v1_FilterKind, FilterKind__Output as _viwo_imagegen_v1_FilterKind__Output } from '../../../viwo/imagegen/v1/FilterKind.js';

export interface Filter {
  'kind'?: (_viwo_imagegen_v1_FilterKind);
}

export interface Filter__Output {
  'kind': (_viwo_imagegen_v1_FilterKind__Output);
}
