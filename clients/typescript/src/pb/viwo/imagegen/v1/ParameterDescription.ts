// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { ParameterDescription as _viwo_imagegen_v1_ParameterDescription, ParameterDescription__Output as _viwo_imagegen_v1_ParameterDescription__Output } from '../../../viwo/imagegen/v1/ParameterDescription.js';

export interface ParameterDescription {
  'name'?: (string);
  'aliases'?: (string)[];
  'type'?: (string);
  'description'?: (string);
  'required'?: (boolean);
  'positional'?: (boolean);
  'defaultJson'?: (string);
  'enumValues'?: (string)[];
  'minimum'?: (number | string);
  'maximum'?: (number | string);
  'group'?: (string);
  'members'?: (_viwo_imagegen_v1_ParameterDescription)[];
  'exclusiveMinimum'?: (number | string);
  'exclusiveMaximum'?: (number | string);
  'maxLength'?: (number);
  '_minimum'?: "minimum";
  '_maximum'?: "maximum";
  '_exclusiveMinimum'?: "exclusiveMinimum";
  '_exclusiveMaximum'?: "exclusiveMaximum";
  '_maxLength'?: "maxLength";
}

export interface ParameterDescription__Output {
  'name': (string);
  'aliases': (string)[];
  'type': (string);
  'description': (string);
  'required': (boolean);
  'positional': (boolean);
  'defaultJson': (string);
  'enumValues': (string)[];
  'minimum'?: (number);
  'maximum'?: (number);
  'group': (string);
  'members': (_viwo_imagegen_v1_ParameterDescription__Output)[];
  'exclusiveMinimum'?: (number);
  'exclusiveMaximum'?: (number);
  'maxLength'?: (number);
  '_minimum'?: "minimum";
  '_maximum'?: "maximum";
  '_exclusiveMinimum'?: "exclusiveMinimum";
  '_exclusiveMaximum'?: "exclusiveMaximum";
  '_maxLength'?: "maxLength";
}
