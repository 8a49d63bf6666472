/**
 * Finds in decode's stream, wherever they are, the failure that it reports and its `[DONE]`. Engines send `[DONE]` after
 * a failure, too, as if the stream were complete. After it nothing of the engine counts.
 *
 * Hot path, for each read: `sign-scan.ts` looks for a few words; the events are parsed only where one is found.
 */
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData, isErrorEvent } from '../sse/events.ts'
import { classifyEvent } from './event.ts'
import type { Failure } from './failure.ts'
import { inStreamFailure } from './reported-failure.ts'
import { mayHoldFailure, mayHoldFailureOrEnd } from './sign-scan.ts'

export interface StreamSigns {
  /** The first failure that the block reports. */
  readonly failure: Failure | undefined
  readonly isDone: boolean
  /** The block, without what follows `[DONE]`. A view of it. */
  readonly events: Uint8Array
}

/** `block` is a run of whole events. `undefined`: it has neither a failure nor a `[DONE]`, as nearly all have. */
export function findSigns(block: Uint8Array): StreamSigns | undefined {
  return mayHoldFailureOrEnd(block) || isErrorEvent(block) ? parseSigns(asBuffer(block)) : undefined
}

function parseSigns(block: Buffer): StreamSigns | undefined {
  let failure: Failure | undefined
  let end = 0
  for (const event of eventsIn(block)) {
    const { raw, data } = event
    end += raw.length
    if (isDoneData(data)) return { failure, isDone: true, events: block.subarray(0, end) }
    if (failure !== undefined || !(mayHoldFailure(data) || isErrorEvent(raw))) continue
    const classification = classifyEvent(event)
    // Data that is not JSON does not show how the request went.
    if (classification.kind === 'failure' && classification.what !== 'protocol')
      failure = inStreamFailure('decode', classification)
  }
  return failure === undefined ? undefined : { failure, isDone: false, events: block }
}
