/** Judges the whole answer of a leg, a body or a stream that was collected. */
import type { Leg } from '../../src/core/errors.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn, isDoneData } from '../sse/events.ts'
import type { LegBody } from '../upstream/response-body.ts'
import { type Failure, inStreamFailure } from './failure.ts'
import { quickLook } from './fast-path.ts'
import { judgeBodyText, judgePayload, type Verdict } from './payload.ts'
import type { Answered } from './response-summary.ts'

/** Inside a JSON string the quotes would be escaped. */
const LATER_PROMPT = /"index": ?[1-9]/
const NOTHING: Answered = { promptTokens: undefined, hasToken: false }

/** A failure, or what a good answer tells. A prefill stream that shows nothing at all is no failure by itself. */
export function judgeAnswer(leg: Leg, body: LegBody): Answered | Failure {
  const bytes = asBuffer(body.joined())
  if (!body.isEventStream) return quickLook(bytes) ?? toAnswer(leg, judgeBodyText(bytes.toString('utf8')))
  let answer = NOTHING
  for (const { data } of eventsIn(bytes)) {
    if (data.length === 0 || isDoneData(data)) continue
    const judged = quickLook(data) ?? toAnswer(leg, judgePayload(data.toString('utf8')))
    if ('error' in judged) return judged
    answer = together(answer, judged, data)
  }
  return answer
}

function toAnswer(leg: Leg, verdict: Verdict): Answered | Failure {
  switch (verdict.kind) {
    case 'neutral':
      return NOTHING
    case 'good':
      return verdict
    case 'failure':
      return inStreamFailure(leg, verdict.what, verdict.message, verdict.status)
  }
}

/** Prompts of a batch differ, and their events come in any order: only those of the first can be compared. */
function together(so: Answered, judged: Answered, data: Buffer): Answered {
  const promptTokens = LATER_PROMPT.test(data.toString('latin1')) ? undefined : judged.promptTokens
  return {
    promptTokens: so.promptTokens ?? promptTokens,
    hasToken: so.hasToken || judged.hasToken,
  }
}
