// Original file: ../../protos/viwo/imagegen/v1/common.proto

export const DisconnectPolicy = {
  DISCONNECT_POLICY_UNSPECIFIED: 'DISCONNECT_POLICY_UNSPECIFIED',
  DISCONNECT_POLICY_CANCEL: 'DISCONNECT_POLICY_CANCEL',
  DISCONNECT_POLICY_KEEP: 'DISCONNECT_POLICY_KEEP',
} as const;

export type DisconnectPolicy =
  | 'DISCONNECT_POLICY_UNSPECIFIED'
  | 0
  | 'DISCONNECT_POLICY_CANCEL'
  | 1
  | 'DISCONNECT_POLICY_KEEP'
  | 2

export type DisconnectPolicy__Output = typeof DisconnectPolicy[keyof typeof DisconnectPolicy]
