/**
 * Decides what an attempt does next from what its two legs have shown so far. Pure: `attempt.ts` has the connections.
 *
 *   decode  waiting ──token──▶ ready ──(prefill may be needed)──▶ committed ──end──▶ finished
 *              │                                                     └──failure──▶ broken
 *              └──failure of either leg──▶ failed
 *
 * Until the commit, the first failing leg decides. From the commit on, prefill matters only if it has read another prompt:
 * without its KV cache there would be no token. The end of a stream waits for prefill's response to show that.
 */

import type { Leg } from '../../src/core/errors.ts'
import type { Failure } from '../classify/failure.ts'
import {
  mismatchFailure,
  noTokenFailure,
  type Silence,
  stalledFailure,
  truncatedFailure,
} from '../classify/observed-failure.ts'
import type { ResponseSummary } from '../dialects/response-summary.ts'

export interface AttemptState {
  /** Prefill's response is merged into the client's, so nothing is forwarded before it is complete. */
  readonly mergesPrefill: boolean
  /** The client's response is a single body. It waits for prefill's, so that the two can be compared. */
  readonly isUnary: boolean
  /** False if the client asks for no token at all, as in `max_new_tokens: 0`; prefill generates one nevertheless. */
  readonly wantsToken: boolean
  /** `absent`: there is none, or it has failed after the commit. */
  readonly prefill: 'waiting' | 'complete' | 'absent'
  readonly prefillSummary: ResponseSummary | undefined
  readonly decode: 'waiting' | 'ready' | 'complete'
  readonly decodeSummary: ResponseSummary | undefined
  readonly isCommitted: boolean
}

export type AttemptEvent =
  | { readonly kind: 'prefill-complete'; readonly summary: ResponseSummary }
  | { readonly kind: 'prefill-error'; readonly failure: Failure }
  /** A stream has shown its first token, or a finish that is not an abort. */
  | { readonly kind: 'decode-ready'; readonly promptTokens: number | undefined }
  /** A stream has said later than with its first token how long the prompt was. */
  | { readonly kind: 'decode-counted'; readonly promptTokens: number }
  | DecodeComplete
  | { readonly kind: 'decode-error'; readonly failure: Failure }
  | TimeoutEvent

/** A whole response, or the end of a stream. */
interface DecodeComplete {
  readonly kind: 'decode-complete'
  readonly summary: ResponseSummary
  /** It ended as its protocol requires. */
  readonly isTerminated: boolean
  /** The last events have not been forwarded after the commit, because they wait for prefill; see `awaitsPrefill`. */
  readonly isHeld?: boolean
}

export interface TimeoutEvent {
  readonly kind: 'timeout'
  /** `grace`: decode is complete, and prefill has been silent since. The others: see `attempt-timers.ts`. */
  readonly timer: 'first-token' | 'silence' | 'body' | 'grace'
  readonly timeoutMs: number
  /** The client set a shorter timeout than is configured. */
  readonly isClientTimeout: boolean
}

export type AttemptAction =
  | { readonly kind: 'wait' }
  /** Wait for prefill's response, but no longer than the grace. */
  | { readonly kind: 'wait-for-prefill' }
  /** Forward what was held, and all that follows. */
  | { readonly kind: 'commit' }
  /** Forward what is held and end. `from`: the leg whose response the client gets. */
  | { readonly kind: 'finish'; readonly from: Leg }
  | { readonly kind: 'fail'; readonly failure: Failure }
  /** Tokens were forwarded already, so the client gets the error inside the stream. */
  | { readonly kind: 'break'; readonly failure: Failure }

export interface Step {
  readonly state: AttemptState
  readonly action: AttemptAction
}

export function initialState(options: {
  readonly hasPrefill: boolean
  readonly mergesPrefill: boolean
  readonly isUnary: boolean
  readonly wantsToken: boolean
}): AttemptState {
  return {
    mergesPrefill: options.hasPrefill && options.mergesPrefill,
    isUnary: options.isUnary,
    wantsToken: options.wantsToken,
    prefill: options.hasPrefill ? 'waiting' : 'absent',
    prefillSummary: undefined,
    decode: 'waiting',
    decodeSummary: undefined,
    isCommitted: false,
  }
}

export function nextStep(state: AttemptState, event: AttemptEvent): Step {
  switch (event.kind) {
    case 'prefill-complete':
      return onPrefillComplete({ ...state, prefill: 'complete', prefillSummary: event.summary })
    case 'prefill-error':
      return onPrefillFailed(state, event.failure)
    case 'decode-ready':
      return settle({
        ...state,
        decode: 'ready',
        decodeSummary: { promptTokens: event.promptTokens, hasToken: true },
      })
    case 'decode-counted':
      return onDecodeCounted(state, event.promptTokens)
    case 'decode-complete':
      return onDecodeComplete(state, event)
    case 'decode-error':
      return { state, action: failOrBreak(state, event.failure) }
    case 'timeout':
      return { state, action: onTimeout(state, event) }
  }
}

/** Also after the commit: a response that is not to the client's prompt must not end as if it were good. */
function onPrefillComplete(state: AttemptState): Step {
  if (!state.isCommitted) return settle(state)
  const failure = findMismatch(state)
  return { state, action: failure === undefined ? finishIfHeld(state) : { kind: 'break', failure } }
}

function onPrefillFailed(state: AttemptState, failure: Failure): Step {
  if (state.isCommitted) return { state: { ...state, prefill: 'absent' }, action: finishIfHeld(state) }
  // Decode cannot finish without the KV cache, so a connection that breaks after that loses nothing.
  const isHarmless = failure.cause === 'transport' || failure.cause === 'stalled'
  const isEnough = isHarmless && isDecodeEnough(state)
  return { state, action: isEnough ? { kind: 'finish', from: 'decode' } : { kind: 'fail', failure } }
}

/** A stream whose last events are held is complete; any other one goes on. */
function finishIfHeld({ decode }: AttemptState): AttemptAction {
  return decode === 'complete' ? { kind: 'finish', from: 'decode' } : { kind: 'wait' }
}

function onDecodeCounted(state: AttemptState, promptTokens: number): Step {
  const hasToken = state.decodeSummary?.hasToken ?? false
  const counted = { ...state, decodeSummary: { promptTokens, hasToken } }
  const failure = findMismatch(counted)
  return { state: counted, action: failure === undefined ? { kind: 'wait' } : failOrBreak(state, failure) }
}

/**
 * Whether a committed stream may not end yet, because prefill's response may show that it was to another prompt. Where
 * decode does not say how long the prompt was, there is nothing to compare.
 */
export function awaitsPrefill({ prefill, decodeSummary }: AttemptState): boolean {
  return prefill === 'waiting' && decodeSummary?.promptTokens !== undefined
}

function onDecodeComplete(state: AttemptState, event: DecodeComplete): Step {
  if (state.isCommitted) return onStreamEnded({ ...state, decode: 'complete' }, event)
  if (!event.isTerminated) return { state, action: { kind: 'fail', failure: truncatedFailure() } }
  // The end of a stream does not repeat the prompt tokens that its first token came with.
  const summary: ResponseSummary = {
    ...event.summary,
    promptTokens: event.summary.promptTokens ?? state.decodeSummary?.promptTokens,
    hasToken: event.summary.hasToken || (state.decodeSummary?.hasToken ?? false),
  }
  return settle({ ...state, decode: 'complete', decodeSummary: summary })
}

function onStreamEnded(state: AttemptState, { isTerminated, isHeld }: DecodeComplete): Step {
  if (!isTerminated) return { state, action: { kind: 'break', failure: truncatedFailure() } }
  return { state, action: isHeld ? { kind: 'wait-for-prefill' } : { kind: 'finish', from: 'decode' } }
}

/** Either leg has made progress: decides whether that is enough to commit or to finish. */
function settle(state: AttemptState): Step {
  if (state.isCommitted || state.decode === 'waiting') return { state, action: { kind: 'wait' } }
  if (state.prefill === 'waiting' && (state.decode === 'complete' || state.mergesPrefill || state.isUnary)) {
    return { state, action: { kind: state.decode === 'complete' ? 'wait-for-prefill' : 'wait' } }
  }
  const failure = findMismatch(state)
  if (failure !== undefined) return { state, action: { kind: 'fail', failure } }
  if (state.decode === 'complete') return { state, action: finishOrFail(state) }
  return { state: { ...state, isCommitted: true }, action: { kind: 'commit' } }
}

function finishOrFail(state: AttemptState): AttemptAction {
  const { decodeSummary, prefillSummary } = state
  // Prefill generated the only token, so decode had none to send (sglang#34216).
  if (mayLackToken(state) && prefillSummary?.hasToken === true) return { kind: 'finish', from: 'prefill' }
  if (decodeSummary?.hasToken || decodeSummary?.tokenlessEnd !== undefined)
    return { kind: 'finish', from: 'decode' }
  return { kind: 'fail', failure: noTokenFailure() }
}

/** Whether decode has ended without the token that the client wants, and prefill may have it. */
function mayLackToken({ decodeSummary, wantsToken }: AttemptState): boolean {
  return wantsToken && decodeSummary?.tokenlessEnd === 'length' && !decodeSummary.hasToken
}

function failOrBreak(state: AttemptState, failure: Failure): AttemptAction {
  return { kind: state.isCommitted ? 'break' : 'fail', failure }
}

function onTimeout(state: AttemptState, { timer, timeoutMs, isClientTimeout }: TimeoutEvent): AttemptAction {
  if (timer === 'grace') return onGraceOver(state, timeoutMs)
  const silence =
    timer === 'first-token' ? noFirstToken(state) : ({ leg: 'decode', awaited: 'data' } as const)
  return failOrBreak(state, stalledFailure({ ...silence, timeoutMs, isClientTimeout }))
}

function noFirstToken({ isUnary, prefill }: AttemptState): Omit<Silence, 'timeoutMs'> {
  // Decode sends nothing of a unary response until it is complete: only prefill's response is a sign of life.
  const leg = isUnary && prefill !== 'absent' ? 'prefill' : 'decode'
  return { leg, awaited: 'first token', isMutual: prefill === 'waiting' }
}

function onGraceOver(state: AttemptState, graceMs: number): AttemptAction {
  if (state.prefill !== 'waiting') return { kind: 'wait' }
  if (state.isCommitted) return finishIfHeld(state)
  if (isDecodeEnough(state)) return { kind: 'finish', from: 'decode' }
  const failure = stalledFailure({ leg: 'prefill', awaited: 'response', timeoutMs: graceMs })
  return { kind: 'fail', failure }
}

function isDecodeEnough(state: AttemptState): boolean {
  const { decode, decodeSummary, mergesPrefill } = state
  if (decode !== 'complete' || mergesPrefill || decodeSummary === undefined) return false
  return decodeSummary.hasToken || (decodeSummary.tokenlessEnd !== undefined && !mayLackToken(state))
}

function findMismatch(state: AttemptState): Failure | undefined {
  const prefillTokens = state.prefillSummary?.promptTokens
  const decodeTokens = state.decodeSummary?.promptTokens
  if (prefillTokens === undefined || decodeTokens === undefined || prefillTokens === decodeTokens)
    return undefined
  return mismatchFailure(prefillTokens, decodeTokens)
}
