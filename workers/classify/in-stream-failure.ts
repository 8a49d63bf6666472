/**
 * A failure that decode tells of inside its stream, wherever in it: an error event, or an abort. Engines end such a
 * stream with `[DONE]`, as if it were whole.
 *
 * Hot path, for each read: `failure-words.ts` looks for two words; the events are read when one is there.
 */

import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import { type Failure, inStreamFailure } from './failure.ts'
import { mayTellFailure } from './failure-scan.ts'
import { judgePayload } from './payload.ts'

export interface Told {
  readonly failure: Failure
  /** The events before the one that tells of it. A view; may be empty. */
  readonly before: Uint8Array
}

/** `block` is a run of whole events. */
export function findTold(block: Uint8Array): Told | undefined {
  return mayTellFailure(block) ? readTold(asBuffer(block)) : undefined
}

function readTold(block: Buffer): Told | undefined {
  let start = 0
  for (const { raw, data } of eventsIn(block)) {
    const verdict = data.length > 0 && !isDoneData(data) ? judgePayload(data.toString('utf8')) : undefined
    // What is not JSON says nothing of how the request went.
    if (verdict?.kind === 'failure' && verdict.what !== 'protocol') {
      const failure = inStreamFailure('decode', verdict.what, verdict.message, verdict.status)
      return { failure, before: block.subarray(0, start) }
    }
    start += raw.length
  }
  return undefined
}
