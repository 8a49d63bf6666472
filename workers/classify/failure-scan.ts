/**
 * Whether bytes may report a failure: whether `"error"` or `"abort"`, quotes included, occurs in them.
 *
 * JSON escapes a quote inside a string, so these words stand between bare quotes only as a key or as a whole string.
 * Hot path, for each read: one pass (Horspool's search) finds either word and looks at about every fifth byte.
 */
const ERROR = Buffer.from('"error"')
const ABORT = Buffer.from('"abort"')
const LENGTH = ERROR.length
const QUOTE = 0x22

/** For the byte at the end of the search window: how far the window may move to the next possible match. */
const SHIFTS = shiftsOf([ERROR, ABORT])

export function mayHoldFailure(bytes: Uint8Array): boolean {
  let last = LENGTH - 1
  while (last < bytes.length) {
    const byte = bytes[last] ?? 0
    if (byte === QUOTE && (endsWith(bytes, last, ERROR) || endsWith(bytes, last, ABORT))) return true
    last += SHIFTS[byte] ?? LENGTH
  }
  return false
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
