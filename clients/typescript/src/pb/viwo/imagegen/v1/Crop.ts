// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface Crop {
  'x'?: (number);
  'y'?: (number);
  'width'?: (number);
  'height'?: (number);
}

export interface Crop__Output {
  'x': (number);
  'y': (number);
  'width': (number);
  'height': (number);
}
