// Original file: protos/viwo/imagegen/v1/entity.proto

import type { Long } from '@grpc/proto-loader';

export interface InstallResponse {
  'prototypeId'?: (number | string | Long);
  'verbsJson'?: (string);
}

export interface InstallResponse__Output {
  'prototypeId': (number);
  'verbsJson': (string);
}
