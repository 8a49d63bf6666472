/** What the response of either leg says: one that is complete and has no error status, and one that has. */
import type { Leg } from '../../src/core/errors.ts'
import type { Failure } from '../classify/failure.ts'
import { statusFailure } from '../classify/reported-failure.ts'
import { classifyResponse } from '../classify/response.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { ResponseSummary } from '../dialects/response-summary.ts'
import { AT_ONCE_BYTES } from '../turns/turn-queue.ts'
import type { ResponseBody } from '../upstream/response-body.ts'
import type { LargeBodies } from './large-bodies.ts'

export interface LegReader {
  readonly bodies: LargeBodies
  /** How the response is read. */
  readonly dialect: Dialect
}

/** Classifies a complete response: a large body in later turns, unless the attempt ends before, anything else now. */
export function classifyComplete(
  leg: Leg,
  body: ResponseBody,
  { bodies, dialect }: LegReader,
  onClassified: (found: ResponseSummary | Failure) => void,
): void {
  if (!body.isEventStream && body.length > AT_ONCE_BYTES) bodies.classifyLater(leg, body, onClassified)
  else onClassified(classifyResponse(leg, body, dialect))
}

/** The failure that an error status stands for, with as much of its body as has arrived. */
export function errorStatusFailure(leg: Leg, body: ResponseBody, dialect: Dialect): Failure {
  const retryAfter = body.header('retry-after')
  return statusFailure(leg, body.status, body.joined(), { retryAfter, dialect })
}
