// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface Transform {
  'rotation'?: (number | string);
  'scale'?: (number | string);
}

export interface Transform__Output {
  'rotation': (number);
  'scale': (number);
}
