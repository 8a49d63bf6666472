/** Maps flag values of SGLang's Rust routers that are unsupported or named differently here. */
import { type GivenValue, numberOrText } from '../../config/given-values.ts'

/** Policies of other routers that are not supported, and what is used instead. */
const SUBSTITUTES = new Map([
  ['passthrough', { policy: 'least_load', hint: '' }],
  ['weighted_round_robin', { policy: 'least_load', hint: '' }],
  [
    'kv_aware',
    { policy: 'cache_aware', hint: ', which knows exactly what engines have cached only with --kv-events' },
  ],
])

/** Other names of policies (vllm-router 0.1.17). */
const RENAMED_POLICIES = new Map([
  ['consistent_hash', 'consistent_hashing'],
  ['rendezvous_hash', 'consistent_hashing'],
  ['sticky_least_loaded', 'manual'],
])

export function policyOf(given: GivenValue, warn: (text: string) => void): unknown {
  if (typeof given !== 'string') return given
  const substitute = SUBSTITUTES.get(given)
  if (substitute === undefined) return RENAMED_POLICIES.get(given) ?? given
  warn(`policy ${given} is not supported; using ${substitute.policy} instead${substitute.hint}`)
  return substitute.policy
}

/**
 * Who gets a new routing key (smg 1.13.0). A hash is as even as chance, and the same in all gateways; the engine with the
 * fewest keys in use is nearly always the one with the fewest requests.
 */
export function assignmentOf(given: GivenValue): unknown {
  return ASSIGNMENTS.get(given) ?? given
}

const ASSIGNMENTS = new Map<GivenValue, string>([
  ['random', 'hash'],
  ['min_group', 'min_load'],
  // The main policy assigns keys with --sticky-sessions, which is the only flag that has this mode.
  ['delegate', 'hash'],
])

/** A list whose elements may also be joined by commas. */
export function commaList(given: GivenValue): unknown {
  return Array.isArray(given) ? given.flatMap(text => text.split(',')).filter(text => text !== '') : given
}

/** The bytes of a number of tokens, four each (smg 1.13.0 counts four characters). Other values stay as they are. */
export function tokensToBytes(given: GivenValue): unknown {
  const tokens = typeof given === 'string' ? numberOrText(given) : given
  return typeof tokens === 'number' ? tokens * 4 : tokens
}

/**
 * An integer of any size: other routers take up to 2^64 - 1 (`usize`), and a huge one switches a bound off. What is above
 * the largest integer that a number holds exactly counts as that one. Other values stay as they are.
 */
export function anyInteger(given: GivenValue): unknown {
  const value = typeof given === 'string' ? numberOrText(given) : given
  return Number.isInteger(value) ? Math.min(Number(value), Number.MAX_SAFE_INTEGER) : value
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
