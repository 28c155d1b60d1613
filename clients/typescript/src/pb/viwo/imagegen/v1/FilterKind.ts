// Original file: ../../protos/viwo/imagegen/v1/image.proto

export const FilterKind = {
  FILTER_KIND_UNSPECIFIED: 'FILTER_KIND_UNSPECIFIED',
  FILTER_KIND_BLUR: 'FILTER_KIND_BLUR',
  FILTER_KIND_SHARPEN: 'FILTER_KIND_SHARPEN',
  FILTER_KIND_GRAYSCALE: 'FILTER_KIND_GRAYSCALE',
} as const;

export type FilterKind =
  | 'FILTER_KIND_UNSPECIFIED'
  | 0
  | 'FILTER_KIND_BLUR'
  | 1
  | 'FILTER_KIND_SHARPEN'
  | 2
  | 'FILTER_KIND_GRAYSCALE'
  | 3

export type FilterKind__Output = typeof FilterKind[keyof typeof FilterKind]
