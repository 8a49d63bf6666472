/**
 * Finds in decode's stream, wherever they are, the failure that it reports, its end and, if that is awaited, how long the
 * prompt was. Engines send the end after a failure, too, as if the stream were complete. After it nothing of the engine
 * counts.
 *
 * Hot path, for each read: the dialect looks for a few words; the events are parsed only where one is found.
 */
import type { Classification } from '../dialects/classification.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, type ServerSentEvent } from '../sse/events.ts'
import { classifyEvent, errorEventForClient } from './event.ts'
import type { Failure } from './failure.ts'
import { inStreamFailure } from './reported-failure.ts'

export interface StreamSigns {
  /** The first failure that the block reports. */
  readonly failure: Failure | undefined
  /** What the block says first of the length of the prompt, if that is awaited. */
  readonly promptTokens: number | undefined
  readonly isDone: boolean
  /**
   * The block, without what follows the end, and with error messages as clients may see them
   * (`src/core/text/hidden-details.ts`). A view of the block, unless such a message was changed.
   */
  readonly events: Uint8Array
}

/** `block` is a run of whole events. `undefined`: it has none of what is looked for, as nearly all have. */
export function findSigns(block: Uint8Array, dialect: Dialect, awaitsUsage = false): StreamSigns | undefined {
  if (!dialect.mayHoldSigns(block, awaitsUsage)) return undefined
  return parseSigns(asBuffer(block), dialect, awaitsUsage)
}

function parseSigns(block: Buffer, dialect: Dialect, awaitsUsage: boolean): StreamSigns | undefined {
  const all = eventsIn(block)
  const last = all.findIndex(dialect.isEnd)
  const isDone = last >= 0
  const counted = isDone ? all.slice(0, last + 1) : all
  const signs = counted.map(event => readEvent(event, dialect, awaitsUsage))
  const failure = signs.find(sign => sign.failure !== undefined)?.failure
  const promptTokens = signs.find(sign => sign.promptTokens !== undefined)?.promptTokens
  if (failure === undefined && promptTokens === undefined && !isDone) return undefined
  return { failure, promptTokens, isDone, events: shownBytes(block, signs) }
}

interface EventSigns extends Pick<StreamSigns, 'failure' | 'promptTokens'> {
  readonly event: ServerSentEvent
}

function readEvent(event: ServerSentEvent, dialect: Dialect, awaitsUsage: boolean): EventSigns {
  const { name, data } = event
  const mayFail = name === 'error' || dialect.mayHoldFailure(data)
  const mayCount = awaitsUsage && dialect.mayHoldUsage(data)
  if (!mayFail && !mayCount) return { event, failure: undefined, promptTokens: undefined }
  const classification = classifyEvent(dialect, event)
  return {
    event,
    failure: failureIn(classification, dialect),
    promptTokens: mayCount ? promptTokensIn(classification) : undefined,
  }
}

function shownBytes(block: Buffer, signs: readonly EventSigns[]): Buffer {
  const shown = signs.map(({ event, failure }) => (failure ? errorEventForClient(event) : event.raw))
  if (signs.some(({ event }, index) => shown[index] !== event.raw)) return Buffer.concat(shown)
  return block.subarray(
    0,
    shown.reduce((sum, { length }) => sum + length, 0),
  )
}

/** Data that is not JSON does not show how the request went. */
function failureIn(classification: Classification, dialect: Dialect): Failure | undefined {
  return classification.kind === 'failure' && classification.what !== 'protocol'
    ? inStreamFailure('decode', classification, dialect)
    : undefined
}

function promptTokensIn(classification: Classification): number | undefined {
  return classification.kind === 'failure' ? undefined : classification.promptTokens
}
