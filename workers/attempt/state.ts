/**
 * What an attempt does next, decided from what its two legs have shown so far. Pure: `attempt.ts` has the sockets.
 *
 *   decode  waiting ──token──▶ ready ──(prefill may be needed)──▶ committed ──end──▶ finished
 *              │                                                     └──failure──▶ broken
 *              └──failure of either leg──▶ failed
 *
 * The first failing leg decides until the commit. From the commit on, prefill no longer matters: its KV cache has
 * arrived, or there would be no token.
 */

import {
  type Failure,
  mismatchFailure,
  noTokenFailure,
  stalledFailure,
  truncatedFailure,
} from '../classify/failure.ts'
import type { ResponseSummary } from '../classify/response-summary.ts'

export interface AttemptState {
  /** Prefill's answer goes into the client's: nothing is passed on before it is there. */
  readonly mergesPrefill: boolean
  /** The client's answer is one body; it waits for prefill's so that the two can be compared. */
  readonly isUnary: boolean
  readonly prefill: 'waiting' | 'answered' | 'absent'
  readonly prefillSummary: ResponseSummary | undefined
  readonly decode: 'waiting' | 'ready' | 'complete'
  readonly decodeSummary: ResponseSummary | undefined
  readonly isCommitted: boolean
}

export type AttemptEvent =
  | { readonly kind: 'prefill-answered'; readonly summary: ResponseSummary }
  | { readonly kind: 'prefill-failed'; readonly failure: Failure }
  /** The first token, or a finish that is not an abort, of a stream. */
  | { readonly kind: 'decode-ready'; readonly promptTokens: number | undefined }
  /** A whole answer, or the end of a stream. `isTerminated`: it was closed as its protocol says. */
  | { readonly kind: 'decode-complete'; readonly summary: ResponseSummary; readonly isTerminated: boolean }
  | { readonly kind: 'decode-failed'; readonly failure: Failure }
  /** Decode is complete, and prefill has been silent for the whole grace since. */
  | { readonly kind: 'grace-over'; readonly graceMs: number }

export type AttemptAction =
  | { readonly kind: 'wait' }
  /** Wait for prefill's answer, but no longer than the grace. */
  | { readonly kind: 'wait-for-prefill' }
  /** Pass on what was held and all that follows. */
  | { readonly kind: 'commit' }
  /** Everything is there: pass on what was held, then end. `from`: whose answer the client gets. */
  | { readonly kind: 'finish'; readonly from: 'decode' | 'prefill' }
  | { readonly kind: 'fail'; readonly failure: Failure }
  /** Tokens were passed on already: tell the client inside the stream. */
  | { readonly kind: 'break'; readonly failure: Failure }

export interface Step {
  readonly state: AttemptState
  readonly action: AttemptAction
}

export function initialState(options: {
  readonly hasPrefill: boolean
  readonly mergesPrefill: boolean
  readonly isUnary: boolean
}): AttemptState {
  return {
    mergesPrefill: options.hasPrefill && options.mergesPrefill,
    isUnary: options.isUnary,
    prefill: options.hasPrefill ? 'waiting' : 'absent',
    prefillSummary: undefined,
    decode: 'waiting',
    decodeSummary: undefined,
    isCommitted: false,
  }
}

export function nextStep(state: AttemptState, event: AttemptEvent): Step {
  switch (event.kind) {
    case 'prefill-answered':
      return settle({ ...state, prefill: 'answered', prefillSummary: event.summary })
    case 'prefill-failed':
      return { state, action: onPrefillFailed(state, event.failure) }
    case 'decode-ready':
      return settle({
        ...state,
        decode: 'ready',
        decodeSummary: { promptTokens: event.promptTokens, hasToken: true },
      })
    case 'decode-complete':
      return onDecodeComplete(state, event)
    case 'decode-failed':
      return { state, action: { kind: state.isCommitted ? 'break' : 'fail', failure: event.failure } }
    case 'grace-over':
      return { state, action: onGraceOver(state, event.graceMs) }
  }
}

function onPrefillFailed(state: AttemptState, failure: Failure): AttemptAction {
  if (state.isCommitted) return { kind: 'wait' }
  // Decode could not have finished without the KV cache: a connection that breaks after that loses nothing.
  const isHarmless = failure.cause === 'transport' || failure.cause === 'stalled'
  return isHarmless && isDecodeEnough(state) ? { kind: 'finish', from: 'decode' } : { kind: 'fail', failure }
}

function onDecodeComplete(
  state: AttemptState,
  event: { readonly summary: ResponseSummary; readonly isTerminated: boolean },
): Step {
  if (state.isCommitted) {
    const action: AttemptAction = event.isTerminated
      ? { kind: 'finish', from: 'decode' }
      : { kind: 'break', failure: truncatedFailure() }
    return { state, action }
  }
  if (!event.isTerminated) return { state, action: { kind: 'fail', failure: truncatedFailure() } }
  // A stream that was ready has shown its prompt tokens then; its end does not tell them again.
  const summary: ResponseSummary = {
    promptTokens: event.summary.promptTokens ?? state.decodeSummary?.promptTokens,
    hasToken: event.summary.hasToken || (state.decodeSummary?.hasToken ?? false),
  }
  return settle({ ...state, decode: 'complete', decodeSummary: summary })
}

/** One of the legs has gone forward without failing: is it enough? */
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
  if (state.decodeSummary?.hasToken) return { kind: 'finish', from: 'decode' }
  // The first token was prefill's, and there was no other: decode had nothing to say (sglang#34216).
  if (state.prefillSummary?.hasToken) return { kind: 'finish', from: 'prefill' }
  return { kind: 'fail', failure: noTokenFailure() }
}

function onGraceOver(state: AttemptState, graceMs: number): AttemptAction {
  if (state.isCommitted || state.prefill !== 'waiting') return { kind: 'wait' }
  if (isDecodeEnough(state)) return { kind: 'finish', from: 'decode' }
  return { kind: 'fail', failure: stalledFailure('prefill', 'answer', graceMs) }
}

function isDecodeEnough(state: AttemptState): boolean {
  return state.decode === 'complete' && !state.mergesPrefill && (state.decodeSummary?.hasToken ?? false)
}

function findMismatch(state: AttemptState): Failure | undefined {
  const prefillTokens = state.prefillSummary?.promptTokens
  const decodeTokens = state.decodeSummary?.promptTokens
  if (prefillTokens === undefined || decodeTokens === undefined || prefillTokens === decodeTokens)
    return undefined
  return mismatchFailure(prefillTokens, decodeTokens)
}
