/** The names of the engines of a fleet, such as `prefill/0`, and the patterns that select some of them. */

import type { Role } from './engine/engine-state.ts'
import type { SimEngine } from './engine.ts'
import type { SimulatedFleet } from './fleet.ts'

export type EngineName = `${Role}/${number}`

/** `all`, all engines of a role (`decode/*`), or one engine (`decode/1`). */
export const ENGINE_PATTERN = /^(?:all|(?:prefill|decode|mixed)\/(?:\*|\d+))$/

export function namedEngines(fleet: Pick<SimulatedFleet, Role>): ReadonlyMap<EngineName, SimEngine> {
  const named = new Map<EngineName, SimEngine>()
  for (const role of ['prefill', 'decode', 'mixed'] as const) {
    for (const [index, engine] of fleet[role].entries()) named.set(`${role}/${index}`, engine)
  }
  return named
}

/** The names that match any of the patterns, in the order of `names`. @throws RangeError if a pattern matches none. */
export function matchingNames(
  names: readonly EngineName[],
  patterns: readonly string[],
): readonly EngineName[] {
  for (const pattern of patterns) {
    if (names.some(name => matches(name, pattern))) continue
    throw new RangeError(`No engine matches ${pattern}; the engines are ${names.join(', ')}`)
  }
  return names.filter(name => patterns.some(pattern => matches(name, pattern)))
}

function matches(name: EngineName, pattern: string): boolean {
  if (pattern === 'all' || pattern === name) return true
  return pattern.endsWith('/*') && name.startsWith(pattern.slice(0, -1))
}
