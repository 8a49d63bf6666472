/** The differences that are allowed. The lab fails if one of them no longer occurs. */
import type { AllowedDifference } from './allowed.ts'

export const ALLOWED_DIFFERENCES: readonly AllowedDifference[] = [
  {
    field: /\.(?:id|created)$/,
    against: ['unified'],
    reason: 'Ids are random, and times are those of the request.',
  },
]
