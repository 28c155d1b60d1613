// Original file: ../../protos/viwo/imagegen/v1/image.proto

import type { ControlType as _viwo_imagegen_v1_ControlType, ControlType__Output as _viwo_imagegen_v1_ControlType__Output } from '../../../viwo/imagegen/v1/ControlType.js';

export interface ControlTypesResponse {
  'types'?: (_viwo_imagegen_v1_ControlType)[];
}

export interface ControlTypesResponse__Output {
  'types': (_viwo_imagegen_v1_ControlType__Output)[];
}
