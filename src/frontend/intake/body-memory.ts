/**
 * Memory for request bodies. It outlives the callback that delivers the bytes and the router thread that gets them: if
 * that thread dies, the request goes to another one.
 *
 * Large bodies lie in memory shared with the router threads, which saves a second copy. Small bodies are copied into the
 * batch anyway.
 *
 * The largest get a mapping of their own: its pages take memory only when they are written, and are given back to the
 * kernel as soon as it is freed. The C library (glibc, `M_MMAP_THRESHOLD`) guarantees this above 32 MiB only. Smaller
 * blocks lie in its heap, where freed ones stay: of 100 blocks of 8 MiB, half were still resident after all were freed.
 */
import { ATTACHED_BYTES } from '../../messages/codec.ts'

/** From this size on a body gets a mapping of its own, which costs a page fault for each 4 KiB. */
const MAPPED_BYTES = 262_144
const MIN_MAPPING_BYTES = 33_554_432 + 65_536

/** The content is undefined. */
export function bodyMemory(bytes: number): Buffer {
  if (bytes < ATTACHED_BYTES) return Buffer.allocUnsafe(bytes)
  if (bytes <= MAPPED_BYTES) return Buffer.from(allocate(bytes))
  return Buffer.from(sharedMemory(bytes, allocate), 0, bytes)
}

/** At least `bytes`. A kernel that commits no more memory than it has (`vm.overcommit_memory` 2) may refuse a mapping. */
export function sharedMemory(
  bytes: number,
  allocateShared: (bytes: number) => SharedArrayBuffer,
): SharedArrayBuffer {
  if (bytes >= MIN_MAPPING_BYTES) return allocateShared(bytes)
  try {
    return allocateShared(MIN_MAPPING_BYTES)
  } catch {
    return allocateShared(bytes)
  }
}

function allocate(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes)
}

/**
 * Copies `piece` to `offset`; there must be room for it. V8 copies into shared memory byte by byte for `set`, which
 * takes 20 µs for 32 KiB; `fill` takes 2 µs.
 */
export function copyInto(memory: Buffer, offset: number, piece: Uint8Array): void {
  if (memory.buffer instanceof SharedArrayBuffer) memory.fill(piece, offset, offset + piece.length)
  else memory.set(piece, offset)
}

/** A copy of bytes that are valid only during a callback. */
export function keepBody(lent: Uint8Array): Uint8Array {
  const kept = bodyMemory(lent.length)
  copyInto(kept, 0, lent)
  return kept
}
