// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Long } from '@grpc/proto-loader';

export interface HistoryRequest {
  'ref'?: (string);
  'entityId'?: (number | string | Long);
  'picture'?: "ref"|"entityId";
}

export interface HistoryRequest__Output {
  'ref'?: (string);
  'entityId'?: (number);
  'picture'?: "ref"|"entityId";
}
