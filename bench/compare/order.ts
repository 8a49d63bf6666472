/**
 * The order in which targets are loaded: in blocks of an order of the targets and its reverse (A B B A).
 *
 * A steady drift during a block (heat, other processes, growing memory) then affects all targets equally. Each block
 * starts with the next target, so that no target always has the same position.
 */

export interface RoundPlan {
  /** Index of the target. */
  readonly target: number
  readonly block: number
  readonly positionInBlock: number
}

export function roundOrder(targets: number, blocks: number): readonly RoundPlan[] {
  return Array.from({ length: blocks }, (_, block) => blockOrder(targets, block)).flat()
}

function blockOrder(targets: number, block: number): RoundPlan[] {
  const order = Array.from({ length: targets }, (_, offset) => (block + offset) % targets)
  return [...order, ...order.toReversed()].map((target, positionInBlock) => ({
    target,
    block,
    positionInBlock,
  }))
}
