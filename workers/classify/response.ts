/** Classifies the complete response of a leg: a body, or a stream that was collected. */
import type { Leg } from '../../src/core/errors.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import type { ResponseBody } from '../upstream/response-body.ts'
import { type Classification, classifyBody } from './error-inside-200.ts'
import { classifyEvent } from './event.ts'
import type { Failure } from './failure.ts'
import { summarizeEventFast, summarizeFast } from './fast-path.ts'
import { nothingFailure } from './observed-failure.ts'
import { inStreamFailure } from './reported-failure.ts'
import type { ResponseSummary } from './response-summary.ts'

/** Bodies up to this size, and all streams, are classified at once. */
export const AT_ONCE_BYTES = 131_072

const EMPTY: ResponseSummary = { promptTokens: undefined, hasToken: false }

/** A failure, or the summary of a good response. A response that says nothing is a failure. */
export function classifyResponse(leg: Leg, body: ResponseBody): ResponseSummary | Failure {
  const bytes = asBuffer(body.joined())
  return orNothing(leg, bytes, body.isEventStream ? classifyStream(leg, bytes) : classifyWhole(leg, bytes))
}

/** The same for a body that is not a stream, by its text or what stands for it. */
export function classifyText(leg: Leg, bytes: Buffer, text: string): ResponseSummary | Failure {
  return orNothing(leg, bytes, toSummary(leg, classifyBody(text)))
}

function orNothing(leg: Leg, bytes: Buffer, found: ResponseSummary | Failure): ResponseSummary | Failure {
  if ('error' in found || found.hasToken || found.tokenlessEnd !== undefined) return found
  return nothingFailure(leg, bytes)
}

function classifyWhole(leg: Leg, bytes: Buffer): ResponseSummary | Failure {
  return summarizeFast(bytes) ?? toSummary(leg, classifyBody(bytes.toString('utf8')))
}

/** What follows `[DONE]` does not count. */
function classifyStream(leg: Leg, bytes: Buffer): ResponseSummary | Failure {
  let stream = EMPTY
  for (const event of eventsIn(bytes)) {
    if (isDoneData(event.data)) return stream
    const fast = event.name === '' ? summarizeEventFast(event.data) : undefined
    const found = fast ?? toSummary(leg, classifyEvent(event))
    if ('error' in found) return found
    stream = addEvent(stream, found)
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
