/** Classifies the complete response of a leg: a body, or a stream that was collected. */
import type { Leg } from '../../src/core/errors.ts'
import type { Classification } from '../dialects/classification.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { CachedPrompt, ResponseSummary } from '../dialects/response-summary.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn } from '../sse/events.ts'
import type { ResponseBody } from '../upstream/response-body.ts'
import { classifyEvent } from './event.ts'
import type { Failure } from './failure.ts'
import { nothingFailure } from './observed-failure.ts'
import { inStreamFailure } from './reported-failure.ts'

const EMPTY: ResponseSummary = { promptTokens: undefined, hasToken: false }

/** A failure, or the summary of a good response. A response that says nothing is a failure. */
export function classifyResponse(leg: Leg, body: ResponseBody, dialect: Dialect): ResponseSummary | Failure {
  const bytes = asBuffer(body.joined())
  const isStream = body.isEventStream
  const found = isStream ? classifyStream(leg, bytes, dialect) : classifyWhole(leg, bytes, dialect)
  return orNothing(leg, bytes, found)
}

/** The same for a body that is not a stream, by its text or what stands for it. */
export function classifyText(
  leg: Leg,
  bytes: Buffer,
  text: string,
  dialect: Dialect,
): ResponseSummary | Failure {
  return orNothing(leg, bytes, toSummary(leg, dialect.classifyBody(text), dialect))
}

function orNothing(leg: Leg, bytes: Buffer, found: ResponseSummary | Failure): ResponseSummary | Failure {
  if ('error' in found || found.hasToken || found.tokenlessEnd !== undefined) return found
  return nothingFailure(leg, bytes)
}

function classifyWhole(leg: Leg, bytes: Buffer, dialect: Dialect): ResponseSummary | Failure {
  return dialect.summarizeBody(bytes) ?? toSummary(leg, dialect.classifyBody(bytes.toString('utf8')), dialect)
}

/** What follows the end does not count. */
function classifyStream(leg: Leg, bytes: Buffer, dialect: Dialect): ResponseSummary | Failure {
  let stream = EMPTY
  for (const event of eventsIn(bytes)) {
    const fast = event.name === '' ? dialect.summarizeData(event.data) : undefined
    const found = fast ?? toSummary(leg, classifyEvent(dialect, event), dialect)
    if ('error' in found) return found
    stream = addEvent(stream, found)
    if (dialect.isEnd(event)) return stream
  }
  return stream
}

function toSummary(leg: Leg, classification: Classification, dialect: Dialect): ResponseSummary | Failure {
  switch (classification.kind) {
    case 'neutral':
      return summaryOf(false, classification.promptTokens, classification.cached)
    case 'good':
      return classification
    case 'failure':
      return inStreamFailure(leg, classification, dialect)
  }
}

/** The first event that names prompt tokens counts; those of later prompts name none. */
function addEvent(stream: ResponseSummary, event: ResponseSummary): ResponseSummary {
  const tokenlessEnd = stream.tokenlessEnd ?? event.tokenlessEnd
  const hasToken = stream.hasToken || event.hasToken
  const promptTokens = stream.promptTokens ?? event.promptTokens
  const summary = summaryOf(hasToken, promptTokens, stream.cached ?? event.cached)
  return hasToken || tokenlessEnd === undefined ? summary : { ...summary, tokenlessEnd }
}

function summaryOf(
  hasToken: boolean,
  promptTokens: number | undefined,
  cached: CachedPrompt | undefined,
): ResponseSummary {
  return { promptTokens, hasToken, ...(cached && { cached }) }
}
