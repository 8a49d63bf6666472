import { loadMeasure } from './least-load.ts'
import { engineAt, type Policy } from './policy.ts'

/**
 * Chooses the less loaded of two random engines. Balances nearly as well as a full scan, without sending concurrent
 * requests to the same engine.
 */
export const powerOfTwo: Policy = (engines, view) => {
  if (engines.length === 1) return engineAt(engines, 0)
  view.reason = 'load'
  const first = Math.floor(view.random() * engines.length)
  // The second index is drawn from the remaining engines, so that the two always differ.
  const second = (first + 1 + Math.floor(view.random() * (engines.length - 1))) % engines.length
  const [a, b] = [engineAt(engines, first), engineAt(engines, second)]
  const loadOf = loadMeasure([a, b], view)
  return loadOf(b) < loadOf(a) ? b : a
}
