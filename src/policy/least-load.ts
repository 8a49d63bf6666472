import { engineAt, type Policy } from './policy.ts'

/** The engine with the fewest legs in flight; ties go round, so that an idle fleet is not led to its first engine. */
export const leastLoad: Policy = (engines, view) => {
  const start = view.next() % engines.length
  let best = engineAt(engines, start)
  let bestLoad = view.inFlight(best.slot)
  for (let step = 1; step < engines.length && bestLoad > 0; step++) {
    const engine = engineAt(engines, (start + step) % engines.length)
    const load = view.inFlight(engine.slot)
    if (load < bestLoad) [best, bestLoad] = [engine, load]
  }
  return best
}
