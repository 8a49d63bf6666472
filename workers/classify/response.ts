/** Classifies the complete response of a leg: a body, or a stream that was collected. */
import type { Leg } from '../../src/core/errors.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import type { ResponseBody } from '../upstream/response-body.ts'
import { type Classification, classifyBody, classifyPayload } from './error-inside-200.ts'
import type { Failure } from './failure.ts'
import { summarizeEventFast, summarizeFast } from './fast-path.ts'
import { inStreamFailure } from './reported-failure.ts'
import type { ResponseSummary } from './response-summary.ts'

const EMPTY: ResponseSummary = { promptTokens: undefined, hasToken: false }

/** A failure, or the summary of a good response. A stream without a token or a failure has an empty summary. */
export function classifyResponse(leg: Leg, body: ResponseBody): ResponseSummary | Failure {
  const bytes = asBuffer(body.joined())
  if (!body.isEventStream) return summarizeFast(bytes) ?? toSummary(leg, classifyBody(bytes.toString('utf8')))
  let stream = EMPTY
  for (const { data } of eventsIn(bytes)) {
    if (data.length === 0 || isDoneData(data)) continue
    const event = summarizeEventFast(data) ?? toSummary(leg, classifyPayload(data.toString('utf8')))
    if ('error' in event) return event
    stream = addEvent(stream, event)
  }
  return stream
}

function toSummary(leg: Leg, classification: Classification): ResponseSummary | Failure {
  switch (classification.kind) {
    case 'neutral':
      return EMPTY
    case 'good':
      return classification
    case 'failure':
      return inStreamFailure(leg, classification)
  }
}

/** The first event that names prompt tokens counts; those of later prompts name none. */
function addEvent(stream: ResponseSummary, event: ResponseSummary): ResponseSummary {
  const tokenlessEnd = stream.tokenlessEnd ?? event.tokenlessEnd
  const hasToken = stream.hasToken || event.hasToken
  const promptTokens = stream.promptTokens ?? event.promptTokens
  return hasToken || tokenlessEnd === undefined
    ? { promptTokens, hasToken }
    : { promptTokens, hasToken, tokenlessEnd }
}
