/** The bytes of JSON syntax by name, and predicates on single bytes. */

export const BYTE = {
  tab: 0x09,
  lf: 0x0a,
  cr: 0x0d,
  space: 0x20,
  quote: 0x22,
  plus: 0x2b,
  comma: 0x2c,
  minus: 0x2d,
  dot: 0x2e,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const

export function isSpace(byte: number | undefined): boolean {
  return byte === BYTE.space || byte === BYTE.lf || byte === BYTE.cr || byte === BYTE.tab
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= BYTE.zero && byte <= BYTE.nine
}

/** A Buffer over the same memory: its `indexOf` runs at the speed of memchr. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
