/** Which models a fleet serves, and what the model that a request names means for it. Pure. */
import type { Engine } from '../core/engine.ts'

export interface FleetModels {
  /** All names, in the order of the engines. */
  readonly names: readonly string[]
  /** Whether all engines that report models report the same. */
  readonly isUniform: boolean
  /** Whether there is a model that all engines report: some then have adapters of it that others lack. */
  readonly hasCommon: boolean
}

/** How the model of a request restricts the choice of engines. */
export type ModelNeed =
  | { readonly kind: 'any' }
  | { readonly kind: 'named'; readonly model: string }
  | { readonly kind: 'unknown' }
  /** The request must name one of the models. */
  | { readonly kind: 'unnamed'; readonly models: readonly string[] }

const ANY: ModelNeed = { kind: 'any' }

/** Engines that report no model do not count. */
export function modelsOf(engines: readonly Engine[]): FleetModels {
  const lists = engines.map(({ models }) => new Set(models)).filter(({ size }) => size > 0)
  const names = new Set(engines.flatMap(({ models }) => models))
  return {
    names: [...names],
    isUniform: lists.every(({ size }) => size === names.size),
    hasCommon: [...names].some(name => lists.every(list => list.has(name))),
  }
}

/**
 * If all engines serve the same models, the name is left to the engines to check: SGLang accepts any name, and many
 * clients send "default". If their models differ, the name selects engines, so that both legs are of one model, and must
 * be one of their models, or one with an adapter (`model:adapter`, as SGLang names them) that its engines know.
 */
export function modelNeed(
  { names, isUniform, hasCommon }: FleetModels,
  model: string | undefined,
): ModelNeed {
  if (isUniform) return ANY
  if (model === undefined) return hasCommon ? ANY : { kind: 'unnamed', models: names }
  const found = [model, model.split(':', 1)[0]].find(name => name !== undefined && names.includes(name))
  return found === undefined ? { kind: 'unknown' } : { kind: 'named', model: found }
}
