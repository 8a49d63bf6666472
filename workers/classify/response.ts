/** Judges the whole answer of a leg, a body or a stream that was collected. */
import type { Leg } from '../../src/core/errors.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import type { ResponseBody } from '../upstream/response-body.ts'
import { type Failure, inStreamFailure } from './failure.ts'
import { summarizeFast } from './fast-path.ts'
import { type Classification, classifyBody, classifyPayload } from './payload.ts'
import type { ResponseSummary } from './response-summary.ts'

/** Inside a JSON string the quotes would be escaped. */
const LATER_PROMPT = /"index": ?[1-9]/
const NOTHING: ResponseSummary = { promptTokens: undefined, hasToken: false }

/** A failure, or what a good answer tells. A prefill stream that shows nothing at all is no failure by itself. */
export function classifyResponse(leg: Leg, body: ResponseBody): ResponseSummary | Failure {
  const bytes = asBuffer(body.joined())
  if (!body.isEventStream) return summarizeFast(bytes) ?? toSummary(leg, classifyBody(bytes.toString('utf8')))
  let answer = NOTHING
  for (const { data } of eventsIn(bytes)) {
    if (data.length === 0 || isDoneData(data)) continue
    const classified = summarizeFast(data) ?? toSummary(leg, classifyPayload(data.toString('utf8')))
    if ('error' in classified) return classified
    answer = together(answer, classified, data)
  }
  return answer
}

function toSummary(leg: Leg, classification: Classification): ResponseSummary | Failure {
  switch (classification.kind) {
    case 'neutral':
      return NOTHING
    case 'good':
      return classification
    case 'failure':
      return inStreamFailure(leg, classification.what, classification.message, classification.status)
  }
}

/** Prompts of a batch differ, and their events come in any order: only those of the first can be compared. */
function together(so: ResponseSummary, classified: ResponseSummary, data: Buffer): ResponseSummary {
  const promptTokens = LATER_PROMPT.test(data.toString('latin1')) ? undefined : classified.promptTokens
  return {
    promptTokens: so.promptTokens ?? promptTokens,
    hasToken: so.hasToken || classified.hasToken,
  }
}
