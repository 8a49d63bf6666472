/** The cells of the matrix (fault x leg x endpoint x streamed or unary x retries) and what is right for each. Pure. */
import type { Leg } from '../../src/core/errors.ts'
import { FAULTS, type Fate, type Fault, failingEvents, firstEvents } from './faults.ts'
import { DONE, type Shape, soundPayload } from './sound-responses.ts'

export type Where = Leg | 'both'

/** A fault on one leg or both. Its cells share a pair of engines, whose model has the group's name. */
export interface Group {
  readonly name: string
  readonly fault: Fault
  readonly where: Where
}

export interface Cell {
  readonly name: string
  /** The request's id, by which the calls of engines and the lines of the log are found. */
  readonly id: string
  readonly group: Group
  readonly shape: Shape
  readonly hasRetries: boolean
}

export const GROUPS: readonly Group[] = FAULTS.flatMap(fault =>
  (['prefill', 'decode', 'both'] as const).map(where => ({ name: `${fault.name}, ${where}`, fault, where })),
)

const SHAPES: readonly Shape[] = (['generate', 'chat', 'completions'] as const).flatMap(endpoint =>
  [true, false].map(isStream => ({ endpoint, isStream })),
)

export function cellsOf(group: Group): Cell[] {
  const number = GROUPS.indexOf(group)
  return SHAPES.flatMap(shape => {
    // Only a cell in which a retry is made differs without retries.
    const variants = fateOf(group, shape) === 'passing' ? [true, false] : [true]
    return variants.map(hasRetries => ({
      name: nameOf(group, shape, hasRetries),
      id: `cell-${number}-${shape.endpoint}-${shape.isStream}-${hasRetries}`,
      group,
      shape,
      hasRetries,
    }))
  })
}

function nameOf(group: Group, { endpoint, isStream }: Shape, hasRetries: boolean): string {
  return `${group.name}, ${endpoint}, ${isStream ? 'stream' : 'unary'}${hasRetries ? '' : ', no retry'}`
}

/** The result of the first attempt. */
export function fateOf({ fault, where }: Group, { isStream }: Shape): Fate {
  // Prefill sends its token after the KV cache, so how its stream ends does not matter.
  if (endsAfterTransfer(fault) && where === 'prefill' && isStream) return 'harmless'
  // Prefill's response and unary responses are never forwarded before they are complete.
  const isLate = fault.fate === 'broken' || fault.fate === 'reported'
  return isLate && (where === 'prefill' || !isStream) ? 'passing' : fault.fate
}

function endsAfterTransfer(fault: Fault): boolean {
  return fault.name === 'end without [DONE]'
}

/** What the leg without a fault does in the first attempt. */
export function partnerOf(group: Group, shape: Shape): 'sound' | 'waits' {
  if (fateOf(group, shape) === 'harmless') return 'sound'
  return group.fault.isLate === true && group.where === 'decode' ? 'sound' : 'waits'
}

export function isFaulty({ where }: Group, leg: Leg): boolean {
  return where === leg || where === 'both'
}

/** Number of attempts that the engines must see. */
export function attemptsOf({ group, shape, hasRetries }: Cell): number {
  return fateOf(group, shape) === 'passing' && hasRetries ? 2 : 1
}

/** Whether the last attempt succeeds, so that no engine may get an abort for it. */
export function endsWell({ group, shape, hasRetries }: Cell): boolean {
  const fate = fateOf(group, shape)
  return fate === 'harmless' || (fate === 'passing' && hasRetries)
}

/** The exact bytes for the client; `undefined` when it gets an error response. `rid`: that of the last attempt. */
export function expectedBytes(cell: Cell, rid: string): string | undefined {
  const { group, shape } = cell
  const fate = fateOf(group, shape)
  if (fate === 'broken') return firstEvents(shape, rid).join('')
  if (fate === 'reported') return [...failingEvents(shape, rid), DONE].join('')
  return endsWell(cell) ? soundPayload('decode', shape, rid) : undefined
}
