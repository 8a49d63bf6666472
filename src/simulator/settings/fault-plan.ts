/** The faults of one request, drawn when it arrives. Faults of KV transfers are drawn by the scheduler. */
import type { Random } from '../../core/random.ts'
import type { Knobs } from './knobs.ts'

export interface FaultPlan {
  /** The connection is reset before the response head. */
  readonly resetsBeforeHead: boolean
  /** The request is rejected with this status. */
  readonly errorStatus: number | undefined
  /** The first event of the stream is an error. */
  readonly errsInStream: boolean
  /** The request ends at once with an abort that has no status. */
  readonly abortsInStream: boolean
  /** Number of events after which the connection is reset. */
  readonly resetAfterEvents: number | undefined
  /** Number of events after which the stream ends without `[DONE]`. */
  readonly truncateAfterEvents: number | undefined
  /** Pause after the first event in milliseconds; 0 means none. */
  readonly stallMs: number
}

const MAX_EVENTS_BEFORE_CUT = 8

export function drawFaults(knobs: Knobs, random: Random): FaultPlan {
  // A fault that is off draws no number, so that turning one on does not change when the others occur.
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
