/** Whether a prefill and a decode engine can work together, as far as they report it. Pure. */
import type { Engine, PairingFacts } from './engine.ts'

type PairedEngine = Pick<Engine, 'models' | 'pairing'>

/**
 * What the two must have in common. SGLang (0.5.23) compares page size and KV cache type itself, by their names: the
 * process of the decode engine ends if they differ. The bootstrap protocol may change with any version.
 */
const FACTS: readonly (readonly [keyof PairingFacts, string])[] = [
  ['pageSize', 'page sizes'],
  ['kvCacheType', 'KV cache types'],
  ['transferBackend', 'transfer backends'],
  ['version', 'versions'],
]

/** Why the two must never get the same request; `undefined` if nothing is known that speaks against it. */
export function pairingConflict(prefill: PairedEngine, decode: PairedEngine): string | undefined {
  if (!haveCommonModel(prefill.models, decode.models))
    return `different models: ${prefill.models.join(', ')} and ${decode.models.join(', ')}`
  for (const [fact, name] of FACTS) {
    const [ours, theirs] = [prefill.pairing[fact], decode.pairing[fact]]
    if (ours !== undefined && theirs !== undefined && ours !== theirs)
      return `different ${name}: ${ours} and ${theirs}`
  }
  return undefined
}

/** Engines that report no model may have any. */
function haveCommonModel(prefill: readonly string[], decode: readonly string[]): boolean {
  return prefill.length === 0 || decode.length === 0 || prefill.some(model => decode.includes(model))
}

/** An engine without a partner among the others, although there are some of the other role. */
export interface Unpaired {
  readonly engine: Engine
  /** Its conflict with one of them. */
  readonly conflict: string
}

/** The engines of mode `pd` that can work with none of the other role. */
export function unpairedEngines(engines: readonly Engine[]): Unpaired[] {
  const ofRole = (role: Engine['role']): readonly Engine[] => engines.filter(engine => engine.role === role)
  const [prefills, decodes] = [ofRole('prefill'), ofRole('decode')]
  return [
    ...prefills.flatMap(engine =>
      unpaired(
        engine,
        decodes.map(decode => pairingConflict(engine, decode)),
      ),
    ),
    ...decodes.flatMap(engine =>
      unpaired(
        engine,
        prefills.map(prefill => pairingConflict(prefill, engine)),
      ),
    ),
  ]
}

function unpaired(engine: Engine, conflicts: readonly (string | undefined)[]): Unpaired[] {
  const [conflict] = conflicts
  return conflict === undefined || conflicts.includes(undefined) ? [] : [{ engine, conflict }]
}
