/**
 * Whether bytes may report a failure, that is, whether `"error"` or `"abort"`, quotes included, occurs in them; and
 * whether they may end a stream, that is, whether `[DONE]` follows a colon or a space.
 *
 * JSON escapes a quote inside a string, so the first two stand between bare quotes only as a key or as a whole string.
 * Hot path, for each read: one pass (Horspool's search) finds any of the words and looks at about every fifth byte.
 */
const ERROR = Buffer.from('"error"')
const ABORT = Buffer.from('"abort"')
const DONE = Buffer.from(' [DONE]')
const TIGHT_DONE = Buffer.from(':[DONE]')
const LENGTH = ERROR.length
const QUOTE = 0x22
const BRACKET = 0x5d

/** For the byte at the end of the search window: how far the window may move to the next possible match. */
const SHIFTS = shiftsOf([ERROR, ABORT, DONE, TIGHT_DONE])

export function mayHoldFailure(bytes: Uint8Array): boolean {
  return isFound(bytes, false)
}

export function mayHoldFailureOrEnd(bytes: Uint8Array): boolean {
  return isFound(bytes, true)
}

function isFound(bytes: Uint8Array, includesDone: boolean): boolean {
  let last = LENGTH - 1
  while (last < bytes.length) {
    const byte = bytes[last] ?? 0
    if (byte === QUOTE && endsWithAny(bytes, last, ERROR, ABORT)) return true
    if (byte === BRACKET && includesDone && endsWithAny(bytes, last, DONE, TIGHT_DONE)) return true
    last += SHIFTS[byte] ?? LENGTH
  }
  return false
}

function endsWithAny(bytes: Uint8Array, last: number, first: Buffer, second: Buffer): boolean {
  return endsWith(bytes, last, first) || endsWith(bytes, last, second)
}

function endsWith(bytes: Uint8Array, last: number, word: Buffer): boolean {
  const start = last - LENGTH + 1
  for (let offset = 0; offset < LENGTH; offset++) if (bytes[start + offset] !== word[offset]) return false
  return true
}

function shiftsOf(words: readonly Buffer[]): Uint8Array {
  const shifts = new Uint8Array(256).fill(LENGTH)
  for (const word of words) {
    for (const [offset, byte] of word.subarray(0, -1).entries()) {
      shifts[byte] = Math.min(shifts[byte] ?? LENGTH, LENGTH - 1 - offset)
    }
  }
  return shifts
}
