/**
 * Searches bytes for signs of a failure (`"error"` or `"abort"`, quotes included, or an event named `error`), of the end
 * of a stream (`[DONE]` after a colon or a space), and of a count of tokens (an object `"usage"`).
 *
 * JSON escapes a quote inside a string, so words stand between bare quotes only as a key or as a whole string.
 * Hot path, for each read: one pass (Horspool's search) finds any of the words and looks at about every fifth byte.
 */

const ERROR = Buffer.from('"error"')
const ABORT = Buffer.from('"abort"')
const DONE = Buffer.from(' [DONE]')
const TIGHT_DONE = Buffer.from(':[DONE]')
/** The ends of the lines `event: error` and `event:error`, which may also end with CR. */
const NAMED_ERROR = Buffer.from(' error\n')
const TIGHT_NAMED_ERROR = Buffer.from(':error\n')
const USAGE = Buffer.from('"usage"')
const LENGTH = ERROR.length
const QUOTE = 0x22
const BRACKET = 0x5d
const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a
const SPACE = 0x20
const OPEN_BRACE = 0x7b

/** For the byte at the end of the search window. */
interface Search {
  /** How far the window may move to the next possible match. */
  readonly shifts: Uint8Array
  /** The same, but 0 where a word may end, so that one look decides for nearly every byte. */
  readonly steps: Uint8Array
}

const SIGNS = [ERROR, ABORT, DONE, TIGHT_DONE, NAMED_ERROR, TIGHT_NAMED_ERROR]
const FAILURE_SEARCH = searchFor([ERROR, ABORT], [QUOTE])
const SIGN_SEARCH = searchFor(SIGNS, [QUOTE, BRACKET, LF, CR])
const USAGE_SEARCH = searchFor([...SIGNS, USAGE], [QUOTE, BRACKET, LF, CR])

/** Whether a body, or the data of an event, may report a failure. */
export function mayHoldFailure(bytes: Uint8Array): boolean {
  return isFound(bytes, FAILURE_SEARCH, false)
}

/** Whether a block of whole events may report a failure, or end the stream. */
export function mayHoldFailureOrEnd(block: Uint8Array): boolean {
  return isFound(block, SIGN_SEARCH, false)
}

/** The same, or whether it may count tokens. */
export function mayHoldFailureEndOrUsage(block: Uint8Array): boolean {
  return isFound(block, USAGE_SEARCH, true)
}

function isFound(bytes: Uint8Array, { shifts, steps }: Search, includesUsage: boolean): boolean {
  let last = LENGTH - 1
  while (last < bytes.length) {
    const byte = bytes[last] ?? 0
    const step = steps[byte] ?? LENGTH
    if (step > 0) {
      last += step
      continue
    }
    if (isSign(bytes, last, includesUsage)) return true
    last += shifts[byte] ?? LENGTH
  }
  return false
}

function isSign(bytes: Uint8Array, last: number, includesUsage: boolean): boolean {
  const byte = bytes[last]
  if (byte === QUOTE) return endsWithAny(bytes, last, ERROR, ABORT) || (includesUsage && isUsage(bytes, last))
  return byte === BRACKET ? endsWithAny(bytes, last, DONE, TIGHT_DONE) : isErrorName(bytes, last)
}

/** Whether a line ends with the name. JSON escapes the line ends inside strings, so few texts are taken for one. */
function isErrorName(bytes: Uint8Array, last: number): boolean {
  const start = last - LENGTH + 1
  if (bytes[start] !== SPACE && bytes[start] !== COLON) return false
  for (let offset = 1; offset < LENGTH - 1; offset++)
    if (bytes[start + offset] !== ERROR[offset]) return false
  return true
}

/** Whether the word is a key with an object as its value: engines also write `"usage":null`, into each event. */
function isUsage(bytes: Uint8Array, last: number): boolean {
  if (!endsWith(bytes, last, USAGE)) return false
  let next = last + 1
  while (bytes[next] === COLON || bytes[next] === SPACE) next++
  return bytes[next] === OPEN_BRACE
}

function endsWithAny(bytes: Uint8Array, last: number, first: Buffer, second: Buffer): boolean {
  return endsWith(bytes, last, first) || endsWith(bytes, last, second)
}

function endsWith(bytes: Uint8Array, last: number, word: Buffer): boolean {
  const start = last - LENGTH + 1
  for (let offset = 0; offset < LENGTH; offset++) if (bytes[start + offset] !== word[offset]) return false
  return true
}

/** `lastBytes`: those with which a word may end. */
function searchFor(words: readonly Buffer[], lastBytes: readonly number[]): Search {
  const shifts = new Uint8Array(256).fill(LENGTH)
  for (const word of words) {
    for (const [offset, byte] of word.subarray(0, -1).entries()) {
      shifts[byte] = Math.min(shifts[byte] ?? LENGTH, LENGTH - 1 - offset)
    }
  }
  return { shifts, steps: shifts.map((shift, byte) => (lastBytes.includes(byte) ? 0 : shift)) }
}
