/**
 * One answer as it comes in: gathers its text, counts its tokens, and knows what is wrong with it.
 *
 * The first fault counts; what comes after it is not looked at.
 */
import { type AnswerPiece, pieceOf } from './answer-pieces.ts'
import { compareEnd, compareText, type Expected } from './compare.ts'
import type { Endpoint } from './plan.ts'
import { type Failure, failureOf } from './record.ts'

export class Answer {
  readonly #endpoint: Endpoint
  #text = ''
  #finish: string | undefined
  #isDone = false
  #completionTokens: number | undefined
  #counted = 0
  promptTokens = 0
  failure: Failure | undefined

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  get text(): string {
    return this.#text
  }

  /** The engine's own count where it gives one, otherwise the pieces that were not empty. */
  get outputTokens(): number {
    return this.#completionTokens ?? this.#counted
  }

  /** Payload of an event. @returns how many tokens came with it. */
  event(data: string): number {
    if (this.failure !== undefined) return 0
    if (this.#isDone) return this.#fail(failureOf('malformed', `an event after [DONE]: ${data}`))
    if (data === '[DONE]') {
      this.#isDone = true
      return 0
    }
    const value = jsonOf(data)
    if (value === undefined) return this.#fail(failureOf('malformed', `an event that is not JSON: ${data}`))
    return this.#take(pieceOf(this.#endpoint, value))
  }

  /** Body of an answer that is no stream. */
  whole(body: string): void {
    const value = jsonOf(body)
    if (value === undefined) this.#fail(failureOf('malformed', `a body that is not JSON: ${body}`))
    else this.#take(pieceOf(this.#endpoint, value))
    this.#isDone = true
  }

  /** All has come. `expected` unset: the tokens cannot be known. @returns the failure, if it is one. */
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

  /** The client goes before the end. @returns what was wrong until then. */
  left(expected: Expected | undefined): Failure | undefined {
    if (this.failure !== undefined || expected === undefined) return this.failure
    return compareText(expected, this.#text, true)
  }

  #take(piece: AnswerPiece): number {
    this.promptTokens = piece.promptTokens ?? this.promptTokens
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

  /** @returns whether there was any. */
  #addText({ text, isCumulative }: AnswerPiece): boolean {
    if (!isCumulative) {
      this.#text += text
      return text !== ''
    }
    if (!text.startsWith(this.#text)) {
      this.#fail(failureOf('altered', `what was said has changed: ${text.slice(-80)}`))
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

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
