/** Classifies one event of an engine's stream by its name and its data. Pure. */
import { eventWithoutHiddenDetails, withoutHiddenDetails } from '../../src/core/text/hidden-details.ts'
import { parseJson } from '../../src/core/text/parse-json.ts'
import { isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'
import { type Classification, classifyPayload, NEUTRAL } from './error-inside-200.ts'
import type { ReportedFailure } from './reported-error.ts'

/** A comment and `[DONE]` are neutral. An event by the name `error` is one, whatever its data says. */
export function classifyEvent({ name, data }: ServerSentEvent): Classification {
  const text = data.toString('utf8')
  if (name === 'error') return asError(text)
  return data.length === 0 || isDoneData(data) ? NEUTRAL : classifyPayload(text)
}

function asError(text: string): ReportedFailure {
  const classification = classifyPayload(text)
  const isReported = classification.kind === 'failure' && classification.what !== 'protocol'
  return isReported
    ? classification
    : { kind: 'failure', what: 'error-event', message: text, status: undefined }
}

/** The bytes of an event that reports a failure, without what is not for clients: unchanged if there is no such thing. */
export function errorEventForClient({ raw, name, data }: ServerSentEvent): Buffer {
  const text = data.toString('utf8')
  const shown = parseJson(text) === undefined ? withoutHiddenDetails(text) : eventWithoutHiddenDetails(text)
  if (shown === text) return raw
  return name === '' ? toEvent(shown) : Buffer.concat([Buffer.from(`event: ${name}\n`), toEvent(shown)])
}
