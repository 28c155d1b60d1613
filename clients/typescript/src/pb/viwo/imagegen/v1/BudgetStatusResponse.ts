// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type { Budget as _viwo_imagegen_v1_Budget, Budget__Output as _viwo_imagegen_v1_Budget__Output } from '../../../viwo/imagegen/v1/Budget.js';

export interface BudgetStatusResponse {
  'budgets'?: (_viwo_imagegen_v1_Budget)[];
}

export interface BudgetStatusResponse__Output {
  'budgets': (_viwo_imagegen_v1_Budget__Output)[];
}
