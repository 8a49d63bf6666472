import { engineAt, type Policy } from './policy.ts'

/** Chooses each engine with the same probability. */
export const random: Policy = (engines, view) => {
  view.reason = 'random'
  return engineAt(engines, Math.floor(view.random() * engines.length))
}
