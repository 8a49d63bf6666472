/** How engine versions differ on the wire; one table, read by the parts that show the difference. */
import type { Knobs } from './knobs.ts'

export interface ProfileTraits {
  /** Chat and completions streams send their head with the first event only; errors before it get a status. */
  readonly headWithFirstEvent: boolean
  /** An aborted chat or completions stream ends with finish_reason "abort" and no message. */
  readonly silentAbort: boolean
  /** An aborted decode tells its prefill. */
  readonly decodeAbortReachesPrefill: boolean
  /** A decode sent without bootstrap_host dies; else it fails the handshake. */
  readonly missingHostKillsDecode: boolean
  /** Error events of /generate carry type, code and retryable. */
  readonly typedErrorEvents: boolean
  readonly retractionsField: 'num_retractions' | 'total_retractions'
}

const PROFILES: Readonly<Record<Knobs['profile'], ProfileTraits>> = {
  'sglang-2026-07': {
    headWithFirstEvent: true,
    silentAbort: false,
    decodeAbortReachesPrefill: true,
    missingHostKillsDecode: true,
    typedErrorEvents: true,
    retractionsField: 'num_retractions',
  },
  'sglang-2026-02': {
    headWithFirstEvent: false,
    silentAbort: true,
    decodeAbortReachesPrefill: false,
    missingHostKillsDecode: false,
    typedErrorEvents: false,
    retractionsField: 'total_retractions',
  },
}

export function traitsOf(knobs: Knobs): ProfileTraits {
  return PROFILES[knobs.profile]
}
