/** Differences between engine versions that a client can observe, in one table. */
import type { Knobs } from './knobs.ts'

export interface ProfileTraits {
  /** Chat and completions streams send their head with the first event, so that an earlier error has its own status. */
  readonly headWithFirstEvent: boolean
  /** A failed chat or completions stream ends with finish_reason "abort", without an error event. */
  readonly silentAbort: boolean
  /** An aborted decode request notifies its prefill engine. */
  readonly decodeAbortReachesPrefill: boolean
  /** A decode engine crashes on a request without bootstrap_host. Otherwise such a request fails the handshake. */
  readonly missingHostKillsDecode: boolean
  /** Error events of /generate have type, code and retryable. */
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
