// Original file: ../../protos/viwo/imagegen/v1/job.proto

export const OnError = {
  ON_ERROR_UNSPECIFIED: 'ON_ERROR_UNSPECIFIED',
  ON_ERROR_STOP: 'ON_ERROR_STOP',
  ON_ERROR_CONTINUE: 'ON_ERROR_CONTINUE',
} as const;

export type OnError =
  | 'ON_ERROR_UNSPECIFIED'
  | 0
  | 'ON_ERROR_STOP'
  | 1
  | 'ON_ERROR_CONTINUE'
  | 2

export type OnError__Output = typeof OnError[keyof typeof OnError]
