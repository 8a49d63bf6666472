/** Whom a failure is charged to, in words that a test can compare. */
import type { Failure } from '../../workers/classify/failure.ts'

/** `prefill`, `decode`, `pair`, `lost pair` or `nobody`. */
export function chargeOf({ chargedTo }: Pick<Failure, 'chargedTo'>): string {
  switch (chargedTo.kind) {
    case 'engine':
      return chargedTo.leg
    case 'pair':
      return chargedTo.isLost ? 'lost pair' : 'pair'
    case 'nobody':
      return 'nobody'
  }
}
