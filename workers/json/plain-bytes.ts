/** Finds the end of a run of bytes without quotes and brackets, such as a list of numbers, at the speed of memchr. */
import { BYTE } from './bytes.ts'

const STRUCTURE = [BYTE.closeBracket, BYTE.quote, BYTE.openBracket, BYTE.openBrace, BYTE.closeBrace] as const

/** Bytes without quotes and brackets after which the next of these is searched for: before, a search would cost more. */
export const PLAIN_BYTES = 128
const FIRST_WINDOW_BYTES = 8192
const MAX_WINDOW_BYTES = 65_536

const IS_STRUCTURE = new Uint8Array(256)
for (const byte of STRUCTURE) IS_STRUCTURE[byte] = 1

/** Whether the byte is a quote or a bracket. `byte`: 0 to 255 */
export function isStructure(byte: number | undefined): boolean {
  return byte !== undefined && IS_STRUCTURE[byte] === 1
}

/** Where the next quote or bracket is, from `start` on; `end` if there is none before it. */
export function plainEnd(bytes: Buffer, start: number, end: number): number {
  let windowBytes = FIRST_WINDOW_BYTES
  for (let index = start; index < end; index += windowBytes) {
    if (index > start) windowBytes = Math.min(2 * windowBytes, MAX_WINDOW_BYTES)
    // Each search ends where the one before has found something.
    let found = Math.min(index + windowBytes, end)
    const windowEnd = found
    for (const byte of STRUCTURE) {
      const offset = bytes.subarray(index, found).indexOf(byte)
      if (offset >= 0) found = index + offset
    }
    if (found < windowEnd) return found
  }
  return end
}
