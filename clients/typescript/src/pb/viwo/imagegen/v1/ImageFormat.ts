// Original file: ../../protos/viwo/imagegen/v1/common.proto

export const ImageFormat = {
  IMAGE_FORMAT_UNSPECIFIED: 'IMAGE_FORMAT_UNSPECIFIED',
  IMAGE_FORMAT_PNG: 'IMAGE_FORMAT_PNG',
  IMAGE_FORMAT_JPEG: 'IMAGE_FORMAT_JPEG',
  IMAGE_FORMAT_WEBP: 'IMAGE_FORMAT_WEBP',
  IMAGE_FORMAT_GIF: 'IMAGE_FORMAT_GIF',
} as const;

export type ImageFormat =
  | 'IMAGE_FORMAT_UNSPECIFIED'
  | 0
  | 'IMAGE_FORMAT_PNG'
  | 1
  | 'IMAGE_FORMAT_JPEG'
  | 2
  | 'IMAGE_FORMAT_WEBP'
  | 3
  | 'IMAGE_FORMAT_GIF'
  | 4

export type ImageFormat__Output = typeof ImageFormat[keyof typeof ImageFormat]
