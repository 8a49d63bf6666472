/**
 * Finds the failure that decode reports inside its stream, wherever it is: an error event, or an abort. Engines end
 * such a stream with `[DONE]`, as if it were complete.
 *
 * Hot path, for each read: `failure-scan.ts` looks for two words; the events are parsed only where one is found.
 */
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import { classifyPayload } from './error-inside-200.ts'
import type { Failure } from './failure.ts'
import { mayHoldFailure } from './failure-scan.ts'
import { inStreamFailure } from './reported-failure.ts'

export interface InStreamFailure {
  readonly failure: Failure
  /** The events before the one that reports the failure. A view of the block; may be empty. */
  readonly before: Uint8Array
}

/** `block` is a run of whole events. */
export function findInStreamFailure(block: Uint8Array): InStreamFailure | undefined {
  return mayHoldFailure(block) ? parseInStreamFailure(asBuffer(block)) : undefined
}

function parseInStreamFailure(block: Buffer): InStreamFailure | undefined {
  let start = 0
  for (const { raw, data } of eventsIn(block)) {
    const classification =
      data.length > 0 && !isDoneData(data) ? classifyPayload(data.toString('utf8')) : undefined
    // Data that is not JSON does not show how the request went.
    if (classification?.kind === 'failure' && classification.what !== 'protocol')
      return { failure: inStreamFailure('decode', classification), before: block.subarray(0, start) }
    start += raw.length
  }
  return undefined
}
