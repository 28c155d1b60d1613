// Original file: ../../protos/viwo/imagegen/v1/image.proto

export const MaskFit = {
  MASK_FIT_UNSPECIFIED: 'MASK_FIT_UNSPECIFIED',
  MASK_FIT_REFUSE: 'MASK_FIT_REFUSE',
  MASK_FIT_SCALE: 'MASK_FIT_SCALE',
} as const;

export type MaskFit =
  | 'MASK_FIT_UNSPECIFIED'
  | 0
  | 'MASK_FIT_REFUSE'
  | 1
  | 'MASK_FIT_SCALE'
  | 2

export type MaskFit__Output = typeof MaskFit[keyof typeof MaskFit]
