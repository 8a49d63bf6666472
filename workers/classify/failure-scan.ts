/**
 * Whether bytes may tell of a failure: `"error"` or `"abort"`, with their quotes, stands in them.
 *
 * In JSON a quote inside a text is escaped, so that the words stand between bare quotes only as a key or as a whole
 * text. Hot path, for each read: both words in one pass (Horspool's search), which looks at every fifth byte or so.
 */
const ERROR = Buffer.from('"error"')
const ABORT = Buffer.from('"abort"')
const LENGTH = ERROR.length
const QUOTE = 0x22

/** For the byte under a word's last place: how far the next place is where either word could end. */
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
  for (let at = 0; at < LENGTH; at++) if (bytes[start + at] !== word[at]) return false
  return true
}

function shiftsOf(words: readonly Buffer[]): Uint8Array {
  const shifts = new Uint8Array(256).fill(LENGTH)
  for (const word of words) {
    for (const [at, byte] of word.subarray(0, -1).entries()) {
      shifts[byte] = Math.min(shifts[byte] ?? LENGTH, LENGTH - 1 - at)
    }
  }
  return shifts
}
