/**
 * Searches bytes for signs of a failure (`"error"` or `"abort"`, quotes included, or an event named `error`), and of the
 * end of a stream (`[DONE]` after a colon or a space).
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
const LENGTH = ERROR.length
const QUOTE = 0x22
const BRACKET = 0x5d
const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a
const SPACE = 0x20

/** For the byte at the end of the search window. */
interface Search {
  /** How far the window may move to the next possible match. */
  readonly shifts: Uint8Array
  /** The same, but 0 where a word may end, so that one look decides for nearly every byte. */
  readonly steps: Uint8Array
}

const FAILURE_SEARCH = searchFor([ERROR, ABORT], [QUOTE])
const SIGN_SEARCH = searchFor(
  [ERROR, ABORT, DONE, TIGHT_DONE, NAMED_ERROR, TIGHT_NAMED_ERROR],
  [QUOTE, BRACKET, LF, CR],
)

/** Whether a body, or the data of an event, may report a failure. */
export function mayHoldFailure(bytes: Uint8Array): boolean {
  return isFound(bytes, FAILURE_SEARCH)
}

/** Whether a block of whole events may report a failure, or end the stream. */
export function mayHoldFailureOrEnd(block: Uint8Array): boolean {
  return isFound(block, SIGN_SEARCH)
}

function isFound(bytes: Uint8Array, { shifts, steps }: Search): boolean {
  let last = LENGTH - 1
  while (last < bytes.length) {
    const byte = bytes[last] ?? 0
    const step = steps[byte] ?? LENGTH
    if (step > 0) {
      last += step
      continue
    }
    if (isSign(bytes, last)) return true
    last += shifts[byte] ?? LENGTH
  }
  return false
}

function isSign(bytes: Uint8Array, last: number): boolean {
  const byte = bytes[last]
  if (byte === QUOTE) return endsWithAny(bytes, last, ERROR, ABORT)
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
