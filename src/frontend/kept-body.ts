/**
 * Memory for request bodies that outlives the callback they came in, and the thread they are sent to: when that dies,
 * the request goes to another.
 *
 * Large ones are shared with the router thread, so that keeping them costs no second copy; small ones are copied into
 * the batch anyway.
 */
import { ATTACHED_BYTES } from '../messages/codec.ts'

/** What is in it is left to chance or zero. */
export function bodyMemory(bytes: number): Uint8Array {
  return bytes < ATTACHED_BYTES ? Buffer.allocUnsafe(bytes) : new Uint8Array(new SharedArrayBuffer(bytes))
}

export function keepBody(lent: Uint8Array): Uint8Array {
  const kept = bodyMemory(lent.length)
  kept.set(lent)
  return kept
}
