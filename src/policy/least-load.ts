import { engineAt, type Policy } from './policy.ts'

/** Chooses the engine with the fewest requests in flight. Ties rotate, so that an idle fleet is used evenly. */
export const leastLoad: Policy = (engines, view) => {
  view.reason = 'load'
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
