import { engineAt, type Policy } from './policy.ts'

/** The less loaded of two different engines taken by chance: nearly the balance of a full scan, without its herd. */
export const powerOfTwo: Policy = (engines, view) => {
  if (engines.length === 1) return engineAt(engines, 0)
  const first = Math.floor(view.random() * engines.length)
  // The second is drawn from the others, so that it is never the first again.
  const second = (first + 1 + Math.floor(view.random() * (engines.length - 1))) % engines.length
  const [a, b] = [engineAt(engines, first), engineAt(engines, second)]
  return view.inFlight(b.slot) < view.inFlight(a.slot) ? b : a
}
