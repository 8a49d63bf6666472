/** Random numbers as a value that is passed in, so that tests and simulations can seed it. Not cryptographic. */
import { mix } from './hash.ts'

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
