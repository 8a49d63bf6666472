/**
 * Finds the client's name for a request in the bytes of its body, without parsing it: the main thread does that for many
 * bodies. Takes time linear in the body, whatever it holds. Pure.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Of a string, before the rest is searched: a search costs as much as these bytes. */
const NEAR_BYTES = 64

const NONE = new Uint8Array(0)

/**
 * The JSON text of the last member called `key` at the top level, a view into the body; empty if there is none. What it
 * returns of an invalid body means nothing. A key that is written with escapes is not found.
 */
export function ridTextIn(body: Uint8Array, key: string): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const quoted = Buffer.from(JSON.stringify(key))
  // Few bodies have such a key, and this search costs a small part of the scan.
  return bytes.includes(quoted) ? lastValueOf(bytes, quoted) : NONE
}

function lastValueOf(bytes: Buffer, quoted: Buffer): Uint8Array {
  let value: Uint8Array = NONE
  let keyStart = bytes.indexOf(QUOTE, bytes.indexOf(OPEN_OBJECT))
  while (keyStart >= 0) {
    const keyEnd = stringEnd(bytes, keyStart)
    const end = valueEnd(bytes, keyEnd + 1)
    if (end < bytes.length && isSame(bytes, keyStart, keyEnd, quoted))
      value = bytes.subarray(bytes.indexOf(COLON, keyEnd) + 1, end)
    if (bytes[end] !== COMMA) return value
    keyStart = bytes.indexOf(QUOTE, end)
  }
  return value
}

/** The position of the comma or bracket that ends the value which begins after `start`; the length if none does. */
function valueEnd(bytes: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    const isClosing = byte === CLOSE_LIST || byte === CLOSE_OBJECT
    if (depth === 0 && (isClosing || byte === COMMA)) return at
    if (byte === QUOTE) at = stringEnd(bytes, at)
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
    else if (isClosing) depth--
  }
  return bytes.length
}

/** The position of the quote that ends the string which begins at `start`; the length of the bytes if none does. */
function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1
  while (at < bytes.length) {
    const near = Math.min(at + NEAR_BYTES, bytes.length)
    for (; at < near; at += bytes[at] === BACKSLASH ? 2 : 1) if (bytes[at] === QUOTE) return at
    const quote = bytes.indexOf(QUOTE, at)
    if (quote < 0) return bytes.length
    if (!isEscaped(bytes, quote, at)) return quote
    at = quote + 1
  }
  return bytes.length
}

/** Whether a backslash belongs to the quote. `from`: where a character begins. */
function isEscaped(bytes: Buffer, quote: number, from: number): boolean {
  let first = quote
  while (first > from && bytes[first - 1] === BACKSLASH) first--
  return (quote - first) % 2 === 1
}

function isSame(bytes: Buffer, start: number, end: number, quoted: Buffer): boolean {
  return end - start + 1 === quoted.length && bytes.compare(quoted, 0, quoted.length, start, end + 1) === 0
}
