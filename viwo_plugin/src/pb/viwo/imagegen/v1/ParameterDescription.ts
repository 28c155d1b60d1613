// Original file: protos/viwo/imagegen/v1/capability.proto


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
  '_minimum'?: "minimum";
  '_maximum'?: "maximum";
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
  '_minimum'?: "minimum";
  '_maximum'?: "maximum";
}
