// Original file: ../../protos/viwo/imagegen/v1/common.proto

export const Reuse = {
  REUSE_UNSPECIFIED: 'REUSE_UNSPECIFIED',
  REUSE_FIXED_SEED: 'REUSE_FIXED_SEED',
  REUSE_ALWAYS: 'REUSE_ALWAYS',
  REUSE_NEVER: 'REUSE_NEVER',
} as const;

export type Reuse =
  | 'REUSE_UNSPECIFIED'
  | 0
  | 'REUSE_FIXED_SEED'
  | 1
  | 'REUSE_ALWAYS'
  | 2
  | 'REUSE_NEVER'
  | 3

export type Reuse__Output = typeof Reuse[keyof typeof Reuse]
