// Original file: ../../protos/viwo/imagegen/v1/capability.proto

import type { Capability as _viwo_imagegen_v1_Capability, Capability__Output as _viwo_imagegen_v1_Capability__Output } from '../../../viwo/imagegen/v1/Capability.js';

export interface ListCapabilitiesResponse {
  'capabilities'?: (_viwo_imagegen_v1_Capability)[];
  'nextPageToken'?: (string);
}

export interface ListCapabilitiesResponse__Output {
  'capabilities': (_viwo_imagegen_v1_Capability__Output)[];
  'nextPageToken': (string);
}
