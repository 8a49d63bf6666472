import { engineAt, type Policy } from './policy.ts'

/** Any engine, each with the same chance. */
export const random: Policy = (engines, view) => engineAt(engines, Math.floor(view.random() * engines.length))
