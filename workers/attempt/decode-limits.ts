/** How much of a decode engine's response may be held before it is forwarded, and the failure if it is more. Pure. */
import type { Config } from '../../src/config/config.ts'
import type { Failure } from '../classify/failure.ts'
import { tooLargeFailure } from '../classify/observed-failure.ts'
import { protocolFailure } from '../classify/reported-failure.ts'
import { bodyLength } from '../upstream/request-body.ts'
import type { AttemptPlan } from './plan.ts'

/** In bytes. */
export interface DecodeLimits {
  /** The size of a body, or of all that is held of a stream. */
  readonly held: number
  /** The size of the events before the first token. */
  readonly preamble: number
  /** The size of one event. The first one may be as large as any, for instance with the logprobs of a long prompt. */
  readonly event: number
}

/** Events may echo the prompt. Where prefill is merged, tokens are held too, until its response is complete. */
export function decodeLimits(
  {
    isStream,
    mergesPrefill,
    body,
    dialect,
  }: Pick<AttemptPlan, 'isStream' | 'mergesPrefill' | 'body' | 'dialect'>,
  limits: Pick<Config['limits'], 'peekBytes' | 'responseBytes' | 'eventBytes'>,
): DecodeLimits {
  const isPeek = isStream && !mergesPrefill
  const preamble = isPeek ? limits.peekBytes + dialect.echoes * bodyLength(body) : limits.responseBytes
  const held = isPeek ? preamble + limits.eventBytes : limits.responseBytes
  return { held, preamble, event: limits.eventBytes }
}

export function heldTooLarge({ held }: DecodeLimits): Failure {
  const message = `The decode engine sent more than ${held} bytes of a response that is held`
  return tooLargeFailure('decode', message)
}

export function preambleTooLarge({ preamble }: DecodeLimits): Failure {
  return protocolFailure(
    'decode',
    `The decode engine sent more than ${preamble} bytes before its first token`,
  )
}

export function eventTooLarge({ event }: DecodeLimits): Failure {
  const message = `The decode engine sent an event of more than ${event} bytes (limits.eventBytes)`
  return tooLargeFailure('decode', message)
}
