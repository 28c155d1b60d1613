// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { ParameterDescription as _viwo_imagegen_v1_ParameterDescription, ParameterDescription__Output as _viwo_imagegen_v1_ParameterDescription__Output } from '../../../viwo/imagegen/v1/ParameterDescription.js';

export interface MethodDescription {
  'type'?: (string);
  'name'?: (string);
  'label'?: (string);
  'description'?: (string);
  'parameters'?: (_viwo_imagegen_v1_ParameterDescription)[];
  'rpc'?: (string);
}

export interface MethodDescription__Output {
  'type': (string);
  'name': (string);
  'label': (string);
  'description': (string);
  'parameters': (_viwo_imagegen_v1_ParameterDescription__Output)[];
  'rpc': (string);
}
