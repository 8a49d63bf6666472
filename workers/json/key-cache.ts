/**
 * Turns the bytes of keys into text. Clients send the same keys with every request, so the text of each is kept and
 * returned if the bytes match. Hot path: comparing a few bytes costs a tenth of decoding them, and V8 keeps the hash of a
 * text that was a key of a Map before.
 */

/** Longer keys are rare. */
const MAX_BYTES = 32
/** A power of two. Keys that fall into the same bucket displace each other. */
const BUCKETS = 256

/** Decodes a key, whose range includes the quotes. */
type ToText = (bytes: Buffer, range: { readonly start: number; readonly end: number }) => string

interface Entry {
  readonly bytes: Uint8Array
  readonly text: string
}

export class KeyCache {
  readonly #entries: (Entry | undefined)[] = Array.from({ length: BUCKETS }, () => undefined)
  readonly #toText: ToText

  /** `toText` must depend on nothing but the bytes in the range. What it throws is passed on. */
  constructor(toText: ToText) {
    this.#toText = toText
  }

  /** The text of `bytes[start, end)`, quotes included. The caller may reuse `bytes` afterwards. */
  textOf(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length > MAX_BYTES) return this.#toText(bytes, { start, end })
    const bucket = bucketOf(bytes, start, length)
    const entry = this.#entries[bucket]
    if (entry !== undefined && isAt(bytes, start, length, entry.bytes)) return entry.text
    const text = this.#toText(bytes, { start, end })
    this.#entries[bucket] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), text }
    return text
  }
}

/** By the length of the key, its first characters and its last one, by which most keys differ. */
function bucketOf(bytes: Buffer, start: number, length: number): number {
  const first = bytes[start + 1] ?? 0
  const second = bytes[start + 2] ?? 0
  const last = bytes[start + length - 2] ?? 0
  return (length * 61 + first * 31 + second * 17 + last * 7) & (BUCKETS - 1)
}

function isAt(bytes: Buffer, start: number, length: number, known: Uint8Array): boolean {
  if (known.length !== length) return false
  for (let index = 0; index < length; index++) if (bytes[start + index] !== known[index]) return false
  return true
}
