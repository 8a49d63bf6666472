/** The cells of the matrix, and what is right for each: fault x leg x endpoint x stream or whole x retries. Pure. */
import type { Leg } from '../../src/core/errors.ts'
import { FAULTS, type Fate, type Fault, firstEvents } from './faults.ts'
import { type Shape, soundPayload } from './sound-answers.ts'

export type Where = Leg | 'both'

/** A fault on one leg or both. Its cells have a pair of engines of their own, and the name is the model they serve. */
export interface Group {
  readonly name: string
  readonly fault: Fault
  readonly where: Where
}

export interface Cell {
  readonly name: string
  /** The request's id, by which engines and log lines tell whose they are. */
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
    // Without a retry nothing differs but where one is made.
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
  return `${group.name}, ${endpoint}, ${isStream ? 'stream' : 'whole'}${hasRetries ? '' : ', no retry'}`
}

/** What becomes of the first attempt. */
export function fateOf({ fault, where }: Group, { isStream }: Shape): Fate {
  // Prefill's token is there, and it comes after the KV cache: how its stream ends says nothing.
  if (isHandedOver(fault) && where === 'prefill' && isStream) return 'harmless'
  // Nothing of prefill's, and nothing of a whole answer, is passed on before it is complete.
  return fault.fate === 'broken' && (where === 'prefill' || !isStream) ? 'passing' : fault.fate
}

function isHandedOver(fault: Fault): boolean {
  return fault.name === 'end without [DONE]'
}

/** What the leg that has no fault does in the first attempt. */
export function partnerOf(group: Group, shape: Shape): 'sound' | 'waits' {
  if (fateOf(group, shape) === 'harmless') return 'sound'
  return group.fault.isLate === true && group.where === 'decode' ? 'sound' : 'waits'
}

export function isFaulty({ where }: Group, leg: Leg): boolean {
  return where === leg || where === 'both'
}

/** Attempts that the engines must see. */
export function attemptsOf({ group, shape, hasRetries }: Cell): number {
  return fateOf(group, shape) === 'passing' && hasRetries ? 2 : 1
}

/** Whether the last attempt ends with both engines told to give up. */
export function endsWell({ group, shape, hasRetries }: Cell): boolean {
  const fate = fateOf(group, shape)
  return fate === 'harmless' || (fate === 'passing' && hasRetries)
}

/** The exact bytes for the client; `undefined` when the answer is an error of its own. `rid`: of the last attempt. */
export function expectedBytes(cell: Cell, rid: string): string | undefined {
  const { group, shape } = cell
  const fate = fateOf(group, shape)
  if (fate === 'broken') return firstEvents(shape, rid).join('')
  return endsWell(cell) ? soundPayload('decode', shape, rid) : undefined
}
