// Original file: ../../protos/viwo/imagegen/v1/image.proto


export interface HiresFix {
  'scale'?: (number | string);
  'strength'?: (number | string);
  'upscaler'?: (string);
  '_scale'?: "scale";
  '_strength'?: "strength";
  '_upscaler'?: "upscaler";
}

export interface HiresFix__Output {
  'scale'?: (number);
  'strength'?: (number);
  'upscaler'?: (string);
  '_scale'?: "scale";
  '_strength'?: "strength";
  '_upscaler'?: "upscaler";
}
