// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface RemoveBackground {
  'tolerance'?: (number);
  'model'?: (string);
}

export interface RemoveBackground__Output {
  'tolerance': (number);
  'model': (string);
}
