/** Classes of requests that wait, and whose turn it is. Pure. */

/** In the order of their rank. */
export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** The classes of the Rust router's `x-smg-priority` beside our own names. */
const NAMES: ReadonlyMap<string, Priority> = new Map([
  ['high', 'high'],
  ['normal', 'normal'],
  ['low', 'low'],
  ['system', 'high'],
  ['interactive', 'high'],
  ['default', 'normal'],
  ['bulk', 'low'],
])

/** Value of a header; one that is empty or unknown is a normal request. */
export function priorityOf(header: string): Priority {
  return (header === '' ? undefined : NAMES.get(header.trim().toLowerCase())) ?? 'normal'
}

/** Of so many turns one goes to the lowest class first, so that a flood of the higher ones does not starve it. */
const LOW_TURN = 16
const NORMAL_TURN = 4

/** Who is asked first, second, third on this turn; `turn` counts what has left the queue. */
export function orderOfTurn(turn: number): readonly Priority[] {
  if (turn % LOW_TURN === LOW_TURN - 1) return LOW_FIRST
  return turn % NORMAL_TURN === NORMAL_TURN - 1 ? NORMAL_FIRST : PRIORITIES
}

const NORMAL_FIRST: readonly Priority[] = ['normal', 'high', 'low']
const LOW_FIRST: readonly Priority[] = ['low', 'normal', 'high']
