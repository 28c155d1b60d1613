// Original file: ../../protos/viwo/imagegen/v1/common.proto

import type { ImageFormat as _viwo_imagegen_v1_ImageFormat, ImageFormat__Output as _viwo_imagegen_v1_ImageFormat__Output } from '../../../viwo/imagegen/v1/ImageFormat.js';
import type { SaveOptions as _viwo_imagegen_v1_SaveOptions, SaveOptions__Output as _viwo_imagegen_v1_SaveOptions__Output } from '../../../viwo/imagegen/v1/SaveOptions.js';
import type { DisconnectPolicy as _viwo_imagegen_v1_DisconnectPolicy, DisconnectPolicy__Output as _viwo_imagegen_v1_DisconnectPolicy__Output } from '../../../viwo/imagegen/v1/DisconnectPolicy.js';
import type { JobOptions as _viwo_imagegen_v1_JobOptions, JobOptions__Output as _viwo_imagegen_v1_JobOptions__Output } from '../../../viwo/imagegen/v1/JobOptions.js';

export interface OutputOptions {
  'format'?: (_viwo_imagegen_v1_ImageFormat);
  'quality'?: (number);
  'referencesOnly'?: (boolean);
  'save'?: (_viwo_imagegen_v1_SaveOptions | null);
  'onDisconnect'?: (_viwo_imagegen_v1_DisconnectPolicy);
  'job'?: (_viwo_imagegen_v1_JobOptions | null);
  'backgroundColor'?: (string);
  '_save'?: "save";
}

export interface OutputOptions__Output {
  'format': (_viwo_imagegen_v1_ImageFormat__Output);
  'quality': (number);
  'referencesOnly': (boolean);
  'save'?: (_viwo_imagegen_v1_SaveOptions__Output | null);
  'onDisconnect': (_viwo_imagegen_v1_DisconnectPolicy__Output);
  'job': (_viwo_imagegen_v1_JobOptions__Output | null);
  'backgroundColor': (string);
  '_save'?: "save";
}
