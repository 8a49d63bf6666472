/**
 * Converts header bytes to text. Engines send the same names and mostly the same values with every response, so the last
 * text of each length is kept and returned if the bytes match. Hot path: comparing a few bytes costs a tenth of creating
 * a string.
 */

/** Longer headers usually differ, and cost more to compare. */
const MAX_BYTES = 64

interface Entry {
  readonly bytes: Buffer
  readonly text: string
}

export class HeaderCache {
  /** By length in bytes. */
  readonly #entries: (Entry | undefined)[] = Array.from({ length: MAX_BYTES + 1 }, () => undefined)
  readonly #toText: (bytes: Buffer) => string

  constructor(toText: (bytes: Buffer) => string) {
    this.#toText = toText
  }

  /** The caller may reuse `bytes` afterwards. */
  textOf(bytes: Buffer): string {
    const { length } = bytes
    if (length > MAX_BYTES) return this.#toText(bytes)
    const entry = this.#entries[length]
    if (entry !== undefined && areEqual(entry.bytes, bytes)) return entry.text
    const text = this.#toText(bytes)
    this.#entries[length] = { bytes: Buffer.from(bytes), text }
    return text
  }
}

/** Both must have the same length. */
function areEqual(left: Buffer, right: Buffer): boolean {
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false
  return true
}
