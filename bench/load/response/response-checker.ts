/**
 * Checks one response while it arrives: collects its text, counts its tokens and finds its first failure.
 *
 * Everything after the first failure is ignored.
 */
import { parseJson } from '../../../src/core/text/parse-json.ts'
import type { Endpoint } from '../plan/plan.ts'
import { type Failure, failureOf } from '../records/record.ts'
import { pieceOf, type ResponsePiece } from './response-pieces.ts'
import { compareEnd, compareText, type Expected } from './token-check.ts'

export class ResponseChecker {
  readonly #endpoint: Endpoint
  #text = ''
  #finish: string | undefined
  #isDone = false
  #completionTokens: number | undefined
  #counted = 0
  promptTokens = 0
  /** As the engine reports them; undefined if it does not. */
  cachedTokens: number | undefined
  failure: Failure | undefined

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  get text(): string {
    return this.#text
  }

  /** The engine's own count if it sends one, otherwise the number of pieces with text. */
  get outputTokens(): number {
    return this.#completionTokens ?? this.#counted
  }

  /** Takes the payload of one stream event. @returns the number of tokens in it. */
  event(data: string): number {
    if (this.failure !== undefined) return 0
    if (this.#isDone) return this.#fail(failureOf('malformed', `event after [DONE]: ${data}`))
    if (data === '[DONE]') {
      this.#isDone = true
      return 0
    }
    const value = parseJson(data)
    if (value === undefined) return this.#fail(failureOf('malformed', `event is not JSON: ${data}`))
    return this.#take(pieceOf(this.#endpoint, value))
  }

  /** Takes the whole body of a response that is not a stream. */
  whole(body: string): void {
    const value = parseJson(body)
    if (value === undefined) this.#fail(failureOf('malformed', `body is not JSON: ${body}`))
    else this.#take(pieceOf(this.#endpoint, value))
    this.#isDone = true
  }

  /** Called when the response is complete. Without `expected` the tokens are not compared. @returns its failure, if any. */
  finished(expected: Expected | undefined): Failure | undefined {
    if (this.failure !== undefined) return this.failure
    if (!this.#isDone) return failureOf('truncated', 'the stream ended without [DONE]')
    if (this.#finish === undefined) return failureOf('truncated', 'no finish reason')
    if (expected !== undefined) {
      const counted = this.#completionTokens
      return compareText(expected, this.#text, false) ?? compareEnd(expected, this.#finish, counted)
    }
    return this.#text === '' ? failureOf('no-token', `finish ${this.#finish} without a token`) : undefined
  }

  /** Called when the client leaves before the end. @returns the failure so far, if any. */
  left(expected: Expected | undefined): Failure | undefined {
    if (this.failure !== undefined || expected === undefined) return this.failure
    return compareText(expected, this.#text, true)
  }

  #take(piece: ResponsePiece): number {
    this.promptTokens = piece.promptTokens ?? this.promptTokens
    this.cachedTokens = piece.cachedTokens ?? this.cachedTokens
    if (piece.error !== undefined) return this.#fail(failureOf('error-in-200', piece.error))
    if (piece.finish === 'abort') return this.#fail(failureOf('aborted', 'finish reason "abort"'))
    this.#finish = piece.finish ?? this.#finish
    const isNew = this.#addText(piece)
    const before = this.outputTokens
    this.#completionTokens = piece.completionTokens ?? this.#completionTokens
    if (!isNew) return 0
    this.#counted++
    return Math.max(1, this.#endpoint === 'generate' ? this.outputTokens - before : 1)
  }

  /** @returns whether the piece added text. */
  #addText({ text, isCumulative }: ResponsePiece): boolean {
    if (!isCumulative) {
      this.#text += text
      return text !== ''
    }
    if (!text.startsWith(this.#text)) {
      this.#fail(failureOf('altered', `text that was already sent has changed: ${text.slice(-80)}`))
      return false
    }
    const isNew = text.length > this.#text.length
    this.#text = text
    return isNew
  }

  #fail(failure: Failure): 0 {
    this.failure ??= failure
    return 0
  }
}
