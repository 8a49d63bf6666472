/**
 * Finds in decode's stream, wherever they are, the failure that it reports and its end. Engines send the end after a
 * failure, too, as if the stream were complete. After it nothing of the engine counts.
 *
 * Hot path, for each read: the dialect looks for a few words; the events are parsed only where one is found.
 */
import type { Dialect } from '../dialects/dialect.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, type ServerSentEvent } from '../sse/events.ts'
import { classifyEvent, errorEventForClient } from './event.ts'
import type { Failure } from './failure.ts'
import { inStreamFailure } from './reported-failure.ts'

export interface StreamSigns {
  /** The first failure that the block reports. */
  readonly failure: Failure | undefined
  readonly isDone: boolean
  /**
   * The block, without what follows the end, and with error messages as clients may see them
   * (`src/core/text/hidden-details.ts`). A view of the block, unless such a message was changed.
   */
  readonly events: Uint8Array
}

/** `block` is a run of whole events. `undefined`: it has neither a failure nor an end, as nearly all have. */
export function findSigns(block: Uint8Array, dialect: Dialect): StreamSigns | undefined {
  return dialect.mayHoldSigns(block) ? parseSigns(asBuffer(block), dialect) : undefined
}

function parseSigns(block: Buffer, dialect: Dialect): StreamSigns | undefined {
  let failure: Failure | undefined
  let end = 0
  const shown: Buffer[] = []
  let isChanged = false
  const taken = (): Buffer => (isChanged ? Buffer.concat(shown) : block.subarray(0, end))
  for (const event of eventsIn(block)) {
    const { raw } = event
    end += raw.length
    const reported = failureIn(event, dialect)
    failure ??= reported
    const bytes = reported === undefined ? raw : errorEventForClient(event)
    isChanged ||= bytes !== raw
    shown.push(bytes)
    if (dialect.isEnd(event)) return { failure, isDone: true, events: taken() }
  }
  return failure === undefined ? undefined : { failure, isDone: false, events: taken() }
}

/** Data that is not JSON does not show how the request went. */
function failureIn(event: ServerSentEvent, dialect: Dialect): Failure | undefined {
  if (!dialect.mayHoldFailure(event.data) && event.name !== 'error') return undefined
  const classification = classifyEvent(dialect, event)
  return classification.kind === 'failure' && classification.what !== 'protocol'
    ? inStreamFailure('decode', classification, dialect)
    : undefined
}
