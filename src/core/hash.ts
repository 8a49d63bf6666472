/** Integer hashing for reproducible pseudo-random choices. Not cryptographic. */

/** Hashes a 32-bit integer to 0..2^32-1 so that neighbouring inputs give unrelated outputs (MurmurHash3 `fmix32`). */
export function mix(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
