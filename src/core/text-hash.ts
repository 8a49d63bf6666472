import { mix } from './random.ts'

/** FNV-1a's, for texts that are hashed alone. */
const NO_SEED = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * Hashes a text to 0..2^32-1, the same on every machine: FNV-1a over its UTF-16 code units, from `seed`, and then mixed.
 * Not cryptographic.
 */
export function hashText(text: string, seed = NO_SEED): number {
  let bits = seed
  for (let index = 0; index < text.length; index++) bits = Math.imul(bits ^ text.charCodeAt(index), FNV_PRIME)
  return mix(bits)
}
