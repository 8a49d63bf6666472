/** Random numbers as a value that is passed in, so that tests and simulations can seed it. Not cryptographic. */

/** Returns a number in [0, 1), as `Math.random` does. */
export type Random = () => number

/** A generator that repeats: the same integer seed gives the same sequence on every machine. */
export function seededRandom(seed: number): Random {
  let state = mix(seed + 1)
  return () => {
    state = (state + 0x9e3779b9) | 0
    return mix(state) / 2 ** 32
  }
}

/** Hashes a 32-bit integer to 0..2^32-1 so that neighbouring inputs give unrelated outputs (MurmurHash3 `fmix32`). */
export function mix(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
