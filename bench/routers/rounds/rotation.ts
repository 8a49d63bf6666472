/** The order of the targets in a round. Pure. */

/**
 * Starts with the next target in every round, so that each target runs in each position equally often. In a fixed order
 * whichever target ran last came out 15 to 25% better, because the machine is fastest just after it has been loaded.
 */
export function inRotation<T>(targets: readonly T[], round: number): readonly T[] {
  const start = targets.length === 0 ? 0 : round % targets.length
  return [...targets.slice(start), ...targets.slice(0, start)]
}
