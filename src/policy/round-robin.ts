import { engineAt, type Policy } from './policy.ts'

/** Chooses the engines in turn, over all threads. */
export const roundRobin: Policy = (engines, view) => {
  view.reason = 'turn'
  return engineAt(engines, view.next() % engines.length)
}
