/**
 * Hashes a prompt of token ids block by block, each block together with all before it, so that equal hashes mean equal
 * beginnings. The state between two blocks is two 32-bit integers, from which the next block goes on. Pure.
 *
 * Engines have hashes of their own, which cannot be computed here (vLLM salts them), so the gateway computes this one both
 * from the tokens of their KV events and from those of requests.
 */

export interface ChainState {
  readonly a: number
  readonly b: number
}

/** Odd numbers whose bits look random (xxHash's primes). */
const [PRIME_1, PRIME_2, PRIME_3] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d] as const

export const CHAIN_START: ChainState = { a: PRIME_2 | 0, b: PRIME_3 | 0 }

export class TokenChain implements ChainState {
  a: number
  b: number

  constructor({ a, b }: ChainState = CHAIN_START) {
    this.a = a
    this.b = b
  }

  /** `token`: 0 to 2^32 - 1. */
  add(token: number): void {
    const a = Math.imul(this.a ^ token, PRIME_1)
    const b = Math.imul(this.b + token, PRIME_2)
    this.a = a ^ (a >>> 15)
    this.b = b ^ (b >>> 13) ^ this.a
  }
}

/** Where the block that ends with this state is noted for the engine of the slot: two hashes of both. */
export function bucketHash(a: number, b: number, slot: number): number {
  return mixed(a ^ Math.imul(b, PRIME_3) ^ Math.imul(slot + 1, PRIME_1))
}

/** Never 0. */
export function tagHash(a: number, b: number, slot: number): number {
  return mixed(b ^ Math.imul(a, PRIME_1) ^ Math.imul(slot + 1, PRIME_2)) || 1
}

function mixed(bits: number): number {
  const half = Math.imul(bits ^ (bits >>> 16), PRIME_2)
  const whole = Math.imul(half ^ (half >>> 13), PRIME_3)
  return whole ^ (whole >>> 16)
}
