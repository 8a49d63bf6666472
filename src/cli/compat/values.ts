/** Values of the Rust router that have another name here, or none. */
import type { GivenValue } from '../../config/flags.ts'

/** Its policies that we do not have. They choose by prompt or by header; ours goes by what is in flight. */
const UNSUPPORTED_POLICIES = new Set([
  'cache_aware',
  'bucket',
  'manual',
  'consistent_hashing',
  'prefix_hash',
  'passthrough',
  'weighted_round_robin',
])

const SUBSTITUTE = 'least_load'

export function policyOf(given: GivenValue, warn: (text: string) => void): unknown {
  if (typeof given !== 'string' || !UNSUPPORTED_POLICIES.has(given)) return given
  warn(`policy ${given} is not available yet, ${SUBSTITUTE} is used instead`)
  return SUBSTITUTE
}

/** Any case; `trace` and `warning` are names of other loggers. */
export function levelOf(given: GivenValue): unknown {
  if (typeof given !== 'string') return given
  const level = given.toLowerCase()
  if (level === 'trace') return 'debug'
  return level === 'warning' ? 'warn' : level
}
