/** Judges the whole answer of a leg, a body or a stream that was collected. */
import type { Leg } from '../src/core/errors.ts'
import type { Answered } from './attempt-state.ts'
import { type Failure, inStreamFailure } from './failure.ts'
import { asBuffer } from './json/bytes.ts'
import type { LegBody } from './leg-body.ts'
import { quickLook } from './quick-look.ts'
import { eventsIn, isDoneData } from './sse-events.ts'
import { judgeBodyText, judgePayload, type Verdict } from './verdict.ts'

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
    answer = {
      promptTokens: answer.promptTokens ?? judged.promptTokens,
      hasToken: answer.hasToken || judged.hasToken,
    }
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
