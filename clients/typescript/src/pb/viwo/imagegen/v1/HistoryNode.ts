// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.js';
import type { HistoryNode as _viwo_imagegen_v1_HistoryNode, HistoryNode__Output as _viwo_imagegen_v1_HistoryNode__Output } from '../../../viwo/imagegen/v1/HistoryNode.js';

export interface HistoryNode {
  'ref'?: (string);
  'role'?: (string);
  'jobId'?: (string);
  'method'?: (string);
  'taskJson'?: (string);
  'createTime'?: (_google_protobuf_Timestamp | null);
  'sources'?: (_viwo_imagegen_v1_HistoryNode)[];
}

export interface HistoryNode__Output {
  'ref': (string);
  'role': (string);
  'jobId': (string);
  'method': (string);
  'taskJson': (string);
  'createTime': (_google_protobuf_Timestamp__Output | null);
  'sources': (_viwo_imagegen_v1_HistoryNode__Output)[];
}
