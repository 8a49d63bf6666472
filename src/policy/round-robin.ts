import { engineAt, type Policy } from './policy.ts'

/** One after the other, over all threads. */
export const roundRobin: Policy = (engines, view) => engineAt(engines, view.next() % engines.length)
