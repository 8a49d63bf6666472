/**
 * Header bytes as text. Engines send the same names, and mostly the same values, with every answer: the last text of
 * each length is kept, and given again when the bytes are the same. Hot path: comparing a few bytes costs a tenth of
 * making a string of them.
 */

/** Longer ones differ anyway, and cost more to compare. */
const MAX_BYTES = 64

interface Kept {
  readonly bytes: Buffer
  readonly text: string
}

export class HeaderCache {
  readonly #kept: (Kept | undefined)[] = Array.from({ length: MAX_BYTES + 1 }, () => undefined)
  readonly #toText: (bytes: Buffer) => string

  constructor(toText: (bytes: Buffer) => string) {
    this.#toText = toText
  }

  /** The bytes may be used again by the caller. */
  textOf(bytes: Buffer): string {
    const { length } = bytes
    if (length > MAX_BYTES) return this.#toText(bytes)
    const kept = this.#kept[length]
    if (kept !== undefined && areSame(kept.bytes, bytes)) return kept.text
    const text = this.#toText(bytes)
    this.#kept[length] = { bytes: Buffer.from(bytes), text }
    return text
  }
}

function areSame(one: Buffer, other: Buffer): boolean {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}
