import { engineAt, type Policy } from './policy.ts'

/** Chooses each engine with the same probability. */
export const random: Policy = (engines, view) => engineAt(engines, Math.floor(view.random() * engines.length))
