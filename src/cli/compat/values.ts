/** Maps flag values of SGLang's Rust routers that are unsupported or named differently here. */
import { type GivenValue, numberOrText } from '../../config/given-values.ts'

/** Policies of other routers that are not supported. They choose by prompt or header; the substitute, by load. */
const UNSUPPORTED_POLICIES = new Set([
  'bucket',
  'manual',
  'consistent_hashing',
  'prefix_hash',
  'passthrough',
  'weighted_round_robin',
  'consistent_hash',
  'sticky_least_loaded',
  'kv_aware',
])

const SUBSTITUTE = 'least_load'

export function policyOf(given: GivenValue, warn: (text: string) => void): unknown {
  if (typeof given !== 'string' || !UNSUPPORTED_POLICIES.has(given)) return given
  warn(`policy ${given} is not supported; using ${SUBSTITUTE} instead`)
  return SUBSTITUTE
}

/** Accepts any case, and maps level names of other loggers. */
export function levelOf(given: GivenValue): unknown {
  if (typeof given !== 'string') return given
  const level = given.toLowerCase()
  return LEVELS.get(level) ?? level
}

/** Milliseconds of a value in seconds; `disabledMs` for 0, which disables a timeout there. Other values stay as they are. */
export function toMs(given: GivenValue, disabledMs: number): unknown {
  const value = typeof given === 'string' ? numberOrText(given) : given
  if (typeof value !== 'number') return value
  return value === 0 ? disabledMs : Math.round(value * 1000)
}

const LEVELS = new Map([
  ['trace', 'debug'],
  ['warning', 'warn'],
  ['critical', 'error'],
  ['fatal', 'error'],
])

/** Flags of which some values change nothing here, and the others ask for what this gateway does not do. */
const HARMLESS_VALUES: Readonly<Record<string, readonly string[]>> = {
  backend: ['sglang', 'vllm', 'auto'],
  runtime: ['sglang', 'vllm', 'auto'],
  'history-backend': ['memory', 'none'],
}

/** One issue for each value that asks for engines or a history that this gateway does not support. */
export function unsupportedValueIssues(given: ReadonlyMap<string, GivenValue>): string[] {
  return Object.entries(HARMLESS_VALUES).flatMap(([flag, values]) => {
    const value = given.get(flag)
    return value === undefined || values.includes(String(value).toLowerCase())
      ? []
      : [`flag --${flag}: ${JSON.stringify(value)} is not supported; expected ${values.join(' or ')}`]
  })
}
