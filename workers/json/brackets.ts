/** The brackets of JSON, and the stack of those that are open. */
import { BYTE } from './bytes.ts'
import { JsonSyntaxError } from './errors.ts'

/** Bounds the stack. No engine's parser accepts deeper nesting. */
const MAX_DEPTH = 65_536

export function isOpening(byte: number | undefined): byte is number {
  return byte === BYTE.openBrace || byte === BYTE.openBracket
}

export function isClosing(byte: number | undefined): byte is number {
  return byte === BYTE.closeBrace || byte === BYTE.closeBracket
}

/** `open`: the brackets that are open. @throws {JsonSyntaxError} if there are too many */
export function openBracket(open: number[], byte: number, index: number): void {
  if (open.push(byte) > MAX_DEPTH) throw new JsonSyntaxError(index, 'nested too deeply')
}

/** @throws {JsonSyntaxError} if the bracket does not close the last one */
export function closeBracket(open: number[], byte: number, index: number): void {
  // In ASCII the closing bracket is the opening one plus 2.
  if (open.pop() !== byte - 2) throw new JsonSyntaxError(index, 'unexpected closing bracket')
}
