/**
 * A failure that decode tells of inside its stream, wherever in it: an error event, or an abort. Engines end such a
 * stream with `[DONE]`, as if it were whole.
 *
 * Hot path, for each read: `failure-words.ts` looks for two words; the events are read when one is there.
 */

import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import { type Failure, inStreamFailure } from './failure.ts'
import { mayHoldFailure } from './failure-scan.ts'
import { classifyPayload } from './payload.ts'

export interface InStreamFailure {
  readonly failure: Failure
  /** The events before the one that tells of it. A view; may be empty. */
  readonly before: Uint8Array
}

/** `block` is a run of whole events. */
export function findInStreamFailure(block: Uint8Array): InStreamFailure | undefined {
  return mayHoldFailure(block) ? readInStreamFailure(asBuffer(block)) : undefined
}

function readInStreamFailure(block: Buffer): InStreamFailure | undefined {
  let start = 0
  for (const { raw, data } of eventsIn(block)) {
    const classification =
      data.length > 0 && !isDoneData(data) ? classifyPayload(data.toString('utf8')) : undefined
    // What is not JSON says nothing of how the request went.
    if (classification?.kind === 'failure' && classification.what !== 'protocol') {
      const failure = inStreamFailure(
        'decode',
        classification.what,
        classification.message,
        classification.status,
      )
      return { failure, before: block.subarray(0, start) }
    }
    start += raw.length
  }
  return undefined
}
