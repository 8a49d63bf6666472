/**
 * A moment and a small number in one Int32, so that both are read and changed in one atomic step.
 *
 *   bits 31..2  moment, ms of the process clock modulo 2^30 (12 days)   bits 1..0  kind, 0..3
 *
 * The moment wraps around: compare by `leftMs` only, and only with moments that are less than six days away.
 */
const KIND_BITS = 2
const KIND_MASK = 3

export function pack(kind: number, moment: number): number {
  return ((moment % 2 ** 30) << KIND_BITS) | kind
}

export function kindOf(word: number): number {
  return word & KIND_MASK
}

/** The moment of the word, on the clock that says `nowMs`. */
export function momentOf(word: number, nowMs: number): number {
  // The shift by the width of the kind and back keeps the sign of a 30-bit difference.
  const left = (((word >>> KIND_BITS) - (nowMs % 2 ** 30)) << KIND_BITS) >> KIND_BITS
  return nowMs + left
}
