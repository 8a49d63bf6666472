/** Classifies one event of an engine's stream by its name and, in the dialect of its API, by its data. Pure. */
import { eventWithoutHiddenDetails, withoutHiddenDetails } from '../../src/core/text/hidden-details.ts'
import { parseJson } from '../../src/core/text/parse-json.ts'
import { type Classification, NEUTRAL } from '../dialects/classification.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { ReportedFailure } from '../dialects/error-inside-200.ts'
import { isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'

/** A comment and `[DONE]` are neutral. An event by the name `error` is one, whatever its data says. */
export function classifyEvent(dialect: Dialect, { name, data }: ServerSentEvent): Classification {
  const text = data.toString('utf8')
  if (name === 'error') return asError(dialect, text)
  return data.length === 0 || isDoneData(data) ? NEUTRAL : dialect.classifyData(text)
}

function asError(dialect: Dialect, text: string): ReportedFailure {
  const classification = dialect.classifyData(text)
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
