/** How engines of a fleet are called from outside: `prefill/0`, `decode/1`; and which of them a pattern means. */

import type { Role } from './engine/engine-state.ts'
import type { SimEngine } from './engine.ts'
import type { SimulatedFleet } from './fleet.ts'

export type EngineName = `${Role}/${number}`

/** `all`, all of a role, or one. */
export const ENGINE_PATTERN = /^(?:all|(?:prefill|decode|mixed)\/(?:\*|\d+))$/

export function namedEngines(fleet: Pick<SimulatedFleet, Role>): ReadonlyMap<EngineName, SimEngine> {
  const named = new Map<EngineName, SimEngine>()
  for (const role of ['prefill', 'decode', 'mixed'] as const) {
    for (const [index, engine] of fleet[role].entries()) named.set(`${role}/${index}`, engine)
  }
  return named
}

/** In the order of `names`. @throws RangeError when a pattern means none of them. */
export function matchingNames(
  names: readonly EngineName[],
  patterns: readonly string[],
): readonly EngineName[] {
  for (const pattern of patterns) {
    if (names.some(name => matches(name, pattern))) continue
    throw new RangeError(`there is no engine ${pattern} among ${names.join(', ')}`)
  }
  return names.filter(name => patterns.some(pattern => matches(name, pattern)))
}

function matches(name: EngineName, pattern: string): boolean {
  if (pattern === 'all' || pattern === name) return true
  return pattern.endsWith('/*') && name.startsWith(pattern.slice(0, -1))
}
