/**
 * Memory for request bodies that outlives the callback they came in, and the thread they are sent to: when that dies,
 * the request goes to another.
 *
 * Large ones are shared with the router thread, so that keeping them costs no second copy; small ones are copied into
 * the batch anyway.
 */
import { ATTACHED_BYTES } from '../../messages/codec.ts'

/** What is in it is left to chance or zero. */
export function bodyMemory(bytes: number): Buffer {
  return bytes < ATTACHED_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.from(new SharedArrayBuffer(bytes))
}

/** There must be room. A `set` copies into shared memory byte by byte, 20 µs for 32 KiB; `fill` has it copied whole, in 2. */
export function copyInto(memory: Buffer, at: number, piece: Uint8Array): void {
  if (memory.buffer instanceof SharedArrayBuffer) memory.fill(piece, at, at + piece.length)
  else memory.set(piece, at)
}

export function keepBody(lent: Uint8Array): Uint8Array {
  const kept = bodyMemory(lent.length)
  copyInto(kept, 0, lent)
  return kept
}
