// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface ControlType {
  'name'?: (string);
  'description'?: (string);
  'preprocess'?: (boolean);
  'apply'?: (boolean);
}

export interface ControlType__Output {
  'name': (string);
  'description': (string);
  'preprocess': (boolean);
  'apply': (boolean);
}
