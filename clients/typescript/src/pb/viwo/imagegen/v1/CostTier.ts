// Original file: ../../protos/viwo/imagegen/v1/job.proto

export const CostTier = {
  COST_TIER_UNSPECIFIED: 'COST_TIER_UNSPECIFIED',
  COST_TIER_LOW: 'COST_TIER_LOW',
  COST_TIER_MEDIUM: 'COST_TIER_MEDIUM',
  COST_TIER_HIGH: 'COST_TIER_HIGH',
} as const;

export type CostTier =
  | 'COST_TIER_UNSPECIFIED'
  | 0
  | 'COST_TIER_LOW'
  | 1
  | 'COST_TIER_MEDIUM'
  | 2
  | 'COST_TIER_HIGH'
  | 3

export type CostTier__Output = typeof CostTier[keyof typeof CostTier]
