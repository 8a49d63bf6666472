/**
 * Packs a point in time and a small number into one Int32, so that both are read and changed in one atomic operation.
 *
 *   bits 31..2  time, ms of the process clock modulo 2^30 (12 days)   bits 1..0  kind, 0 to 3
 *
 * The time wraps around, so it can only be restored, by `momentOf`, within six days.
 */
const KIND_BITS = 2
const KIND_MASK = 3

export function pack(kind: number, moment: number): number {
  return ((moment % 2 ** 30) << KIND_BITS) | kind
}

export function kindOf(word: number): number {
  return word & KIND_MASK
}

/** The time stored in `word`, in ms of the process clock, whose current time is `nowMs`. */
export function momentOf(word: number, nowMs: number): number {
  // Shifting left and back extends the sign of the 30-bit difference.
  const leftMs = (((word >>> KIND_BITS) - (nowMs % 2 ** 30)) << KIND_BITS) >> KIND_BITS
  return nowMs + leftMs
}
