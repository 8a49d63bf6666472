/** Seeded chance: the same seed gives the same faults in the same order. Not for anything secret. */

/** A number in [0, 1). */
export type Chance = () => number

/** Mixes 32 bits so that neighbours come out unrelated (the finaliser of MurmurHash3). */
export function mix(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

export function seededRandom(seed: number): Chance {
  let state = mix(seed + 1)
  return () => {
    state = (state + 0x9e3779b9) | 0
    return mix(state) / 4294967296
  }
}
