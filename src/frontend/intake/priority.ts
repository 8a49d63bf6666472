/** Priority classes of queued requests, and the order in which the classes are served. Pure. */

/** Highest class first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** Our own names, and the values of the Rust router's `x-smg-priority`. */
const CLASS_BY_NAME: ReadonlyMap<string, Priority> = new Map([
  ['high', 'high'],
  ['normal', 'normal'],
  ['low', 'low'],
  ['system', 'high'],
  ['interactive', 'high'],
  ['default', 'normal'],
  ['bulk', 'low'],
])

/** The class that a header names; an empty or unknown value means `normal`. */
export function priorityOf(header: string): Priority {
  return (header === '' ? undefined : CLASS_BY_NAME.get(header.trim().toLowerCase())) ?? 'normal'
}

/** One turn in `LOW_TURN` serves the lowest class first, so that a flood of higher ones does not starve it. */
const LOW_TURN = 16
/** One turn in `NORMAL_TURN` serves the normal class first. */
const NORMAL_TURN = 4

/** The order in which the classes are tried on a turn; `turn` is the number of requests dequeued before. */
export function orderOfTurn(turn: number): readonly Priority[] {
  if (turn % LOW_TURN === LOW_TURN - 1) return LOW_FIRST
  return turn % NORMAL_TURN === NORMAL_TURN - 1 ? NORMAL_FIRST : PRIORITIES
}

const NORMAL_FIRST: readonly Priority[] = ['normal', 'high', 'low']
const LOW_FIRST: readonly Priority[] = ['low', 'normal', 'high']
