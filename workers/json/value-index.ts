/**
 * Finds the ends of the large values of a JSON text in bounded steps, so that a thread can do other work between them.
 * Afterwards the functions of `scan.ts` need not examine these values: see `withKnownEnds`.
 *
 * Work is counted, not timed: a byte that is examined is one unit, a search costs a fixed number and a part of its length.
 */
import { closeBracket, isClosing, isOpening, openBracket } from './brackets.ts'
import { BYTE, isSpace } from './bytes.ts'
import { JsonSyntaxError } from './errors.ts'
import { PLAIN_BYTES, plainEnd } from './plain-bytes.ts'
import type { KnownEnds } from './scan-context.ts'

/** Smaller values are not recorded: what reads them examines them itself. */
const LARGE_BYTES = 256
/** Nor are deeper ones, which nothing reads. Without this bound, nested lists would need more memory than the text. */
const MAX_RECORDED_DEPTH = 8
/** A search for one byte, in units of work: a fixed part, and the bytes that it covers in the time of one unit. */
const SEARCH_WORK = 64
const SEARCHED_PER_UNIT = 16
/** One search covers this many bytes at most, so that it cannot exceed a step by much. */
export const WINDOW_BYTES = 65_536
/** Searches of `plainEnd` for each window. */
const PLAIN_SEARCHES = 5
const SHORT_STRING_BYTES = 48

export class ValueIndex implements KnownEnds {
  readonly ends = new Map<number, number>()
  failure: JsonSyntaxError | undefined
  readonly bytes: Buffer
  #position = 0
  readonly #open: number[] = []
  readonly #starts: number[] = []
  /** Start of the string that is being skipped; -1 outside strings. */
  #string = -1
  /** Start of the white space that is being skipped; -1 outside. */
  #space = -1
  /** Bytes without quotes, brackets since the last of these. */
  #plain = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** How far the text has been examined. */
  get position(): number {
    return this.#position
  }

  /** Does about `maxWork` units of work. Returns what is left of them: less than 1 if there is more to do. */
  step(maxWork: number): number {
    let left = maxWork
    while (left > 0 && this.#position < this.bytes.length && this.failure === undefined) {
      left -= this.#string < 0 ? this.#outside(left) : this.#inString(left)
    }
    if (left <= 0 && this.#position < this.bytes.length && this.failure === undefined) return 0
    this.#close()
    return Math.max(1, left)
  }

  /** Examines bytes up to the next string or search. Returns the work done. */
  #outside(maxWork: number): number {
    const bytes = this.bytes
    const start = this.#position
    const end = Math.min(bytes.length, start + maxWork)
    let index = start
    for (; index < end; index++) {
      const byte = bytes[index]
      this.#trackSpace(byte, index)
      if (byte === BYTE.quote) {
        this.#position = index + 1
        this.#string = index
        this.#plain = 0
        return index + 1 - start
      }
      if (isOpening(byte) || isClosing(byte)) {
        if (!this.#onBracket(byte, index)) return index + 1 - start
      } else if (++this.#plain >= PLAIN_BYTES && this.#open.at(-1) === BYTE.openBracket) {
        this.#position = index
        return index - start + this.#skipPlain(index)
      }
    }
    this.#position = index
    return index - start
  }

  #trackSpace(byte: number | undefined, index: number): void {
    if (!isSpace(byte)) {
      if (this.#space >= 0) this.#endSpace(index)
    } else if (this.#space < 0) this.#space = index
  }

  /** Returns whether the bracket is where it may be. */
  #onBracket(byte: number, index: number): boolean {
    this.#plain = 0
    try {
      if (isOpening(byte)) {
        openBracket(this.#open, byte, index)
        this.#starts.push(index)
      } else {
        closeBracket(this.#open, byte, index)
        this.#record(this.#starts.pop() ?? index, index + 1)
      }
      return true
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error
      this.failure = error
      return false
    }
  }

  /** White space within a list of numbers is not recorded. */
  #skipPlain(start: number): number {
    this.#space = -1
    this.#plain = 0
    const end = Math.min(this.bytes.length, start + WINDOW_BYTES)
    this.#position = plainEnd(this.bytes, start, end)
    return PLAIN_SEARCHES * searchWork(this.#position - start)
  }

  /** Skips a part of a string. Returns the work done. */
  #inString(maxWork: number): number {
    const bytes = this.bytes
    const start = this.#position
    let index = start
    let limit = Math.min(index + SHORT_STRING_BYTES, bytes.length)
    for (; index < limit && index - start < maxWork; index++) {
      const byte = bytes[index]
      if (byte === BYTE.quote) {
        this.#endString(index + 1)
        return index + 1 - start
      }
      if (byte !== BYTE.backslash) continue
      index++
      limit = Math.min(index + SHORT_STRING_BYTES, bytes.length)
    }
    this.#position = index
    return index - start + (index >= limit ? this.#searchString(index) : 0)
  }

  /** `start` is not the second byte of an escape. */
  #searchString(start: number): number {
    const end = Math.min(this.bytes.length, start + WINDOW_BYTES)
    const window = this.bytes.subarray(start, end)
    const found = window.indexOf(BYTE.quote)
    const stop = found < 0 ? window.length : found
    let backslashes = 0
    while (backslashes < stop && window[stop - 1 - backslashes] === BYTE.backslash) backslashes++
    // After an odd number of backslashes the next byte, if any, belongs to an escape.
    if (backslashes % 2 === 1) this.#position = start + stop + 1
    else if (found < 0) this.#position = start + stop
    else this.#endString(start + found + 1)
    return searchWork(stop) + backslashes
  }

  #endString(end: number): void {
    this.#record(this.#string, end)
    this.#string = -1
    this.#position = end
  }

  #endSpace(end: number): void {
    this.#record(this.#space, end)
    this.#space = -1
  }

  #record(start: number, end: number): void {
    if (end - start >= LARGE_BYTES && this.#open.length < MAX_RECORDED_DEPTH) this.ends.set(start, end)
  }

  /** The text is over, or not JSON: what is open has no end. */
  #close(): void {
    if (this.#space >= 0) this.#endSpace(this.#position)
    for (const start of this.#starts) this.ends.set(start, -1)
    if (this.#string >= 0) {
      this.failure ??= new JsonSyntaxError(this.#string, 'unterminated string')
      this.ends.set(this.#string, -1)
    }
    this.#starts.length = 0
    this.#string = -1
  }
}

function searchWork(bytes: number): number {
  return SEARCH_WORK + Math.ceil(bytes / SEARCHED_PER_UNIT)
}
