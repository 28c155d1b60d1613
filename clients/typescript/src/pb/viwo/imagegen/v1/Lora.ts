// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface Lora {
  'id'?: (string);
  'weight'?: (number | string);
  '_weight'?: "weight";
}

export interface Lora__Output {
  'id': (string);
  'weight'?: (number);
  '_weight'?: "weight";
}
