/** What the payload of one event, or a whole body, says of a response. */
import type { ReportedFailure } from './error-inside-200.ts'
import type { CachedPrompt, ResponseSummary } from './response-summary.ts'

export type Classification = Neutral | GoodPayload | ReportedFailure

/** A role, a usage count or a comment: it is not known yet whether the response is good. */
interface Neutral {
  readonly kind: 'neutral'
  /** Length of the prompt, if it is known already. */
  readonly promptTokens?: number
  readonly cached?: CachedPrompt | undefined
}

/** A token, or a finish that is no failure. */
interface GoodPayload extends ResponseSummary {
  readonly kind: 'good'
}

/** Nothing is known from it. */
export const NEUTRAL: Classification = { kind: 'neutral' }

/** Data that is no JSON object. */
export function notJson(text: string): ReportedFailure {
  const message = `The engine sent data that is not JSON: ${text.slice(0, 100)}`
  return { kind: 'failure', what: 'protocol', message, status: undefined }
}
