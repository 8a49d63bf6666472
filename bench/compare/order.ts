/**
 * In which order the targets are loaded: in blocks, each an order of the targets and its reverse (A B B A).
 *
 * Whatever drifts steadily while a block runs (heat, neighbours, memory that grows) meets all its targets alike. The
 * next block begins with the next target, so that no place in a block is always the same one's.
 */

export interface RoundPlan {
  /** Place of the target in the list. */
  readonly target: number
  readonly block: number
  readonly placeInBlock: number
}

export function roundOrder(targets: number, blocks: number): readonly RoundPlan[] {
  return Array.from({ length: blocks }, (_, block) => blockOrder(targets, block)).flat()
}

function blockOrder(targets: number, block: number): RoundPlan[] {
  const there = Array.from({ length: targets }, (_, at) => (block + at) % targets)
  return [...there, ...there.toReversed()].map((target, placeInBlock) => ({ target, block, placeInBlock }))
}
