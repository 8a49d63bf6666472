/** Which faults a request will meet, drawn once when it arrives. Faults of transfers are the scheduler's. */
import type { Random } from '../../core/random.ts'
import type { Knobs } from './knobs.ts'

export interface FaultPlan {
  /** The request gets no answer, its connection a reset. */
  readonly resetsBeforeHead: boolean
  /** Answered with this status and nothing else. */
  readonly errorStatus: number | undefined
  /** The first event of its stream is an error. */
  readonly errsInStream: boolean
  /** It ends at once by an abort without status. */
  readonly abortsInStream: boolean
  /** Events after which its stream is reset. */
  readonly resetAfterEvents: number | undefined
  /** Events after which its stream ends without [DONE]. */
  readonly truncateAfterEvents: number | undefined
  /** Pause after the first event, ms; 0 = none. */
  readonly stallMs: number
}

const MAX_EVENTS_BEFORE_CUT = 8

export function drawFaults(knobs: Knobs, random: Random): FaultPlan {
  // No draw for a fault that is off: the others keep their sequence when one is turned on.
  const hits = (probability: number) => probability > 0 && random() < probability
  const events = () => 1 + Math.floor(random() * MAX_EVENTS_BEFORE_CUT)
  return {
    resetsBeforeHead: hits(knobs.resetBeforeHeadProb),
    errorStatus: hits(knobs.errorStatusProb) ? knobs.errorStatus : undefined,
    errsInStream: hits(knobs.errorInStreamProb),
    abortsInStream: hits(knobs.abortInStreamProb),
    resetAfterEvents: hits(knobs.resetMidStreamProb) ? events() : undefined,
    truncateAfterEvents: hits(knobs.truncateStreamProb) ? events() : undefined,
    stallMs: hits(knobs.stallProb) ? knobs.stallMs : 0,
  }
}
