/** Maps flag values of SGLang's Rust routers that are unsupported or named differently here. */
import type { GivenValue } from '../../config/given-values.ts'

/** Policies of the Rust routers that are not supported. They choose by prompt or header; the substitute, by load. */
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
  warn(`policy ${given} is not supported; using ${SUBSTITUTE} instead`)
  return SUBSTITUTE
}

/** Accepts any case, and maps the level names `trace` and `warning` of other loggers. */
export function levelOf(given: GivenValue): unknown {
  if (typeof given !== 'string') return given
  const level = given.toLowerCase()
  if (level === 'trace') return 'debug'
  return level === 'warning' ? 'warn' : level
}
