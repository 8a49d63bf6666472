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

/** Whether nothing is known that speaks against a pair of the two. Two that cannot must never get the same request. */
export function canPair(prefill: PairedEngine, decode: PairedEngine): boolean {
  return haveCommonModel(prefill.models, decode.models) && differingFact(prefill, decode) === undefined
}

/** Why the two cannot be a pair; `undefined` if they can. */
export function pairingConflict(prefill: PairedEngine, decode: PairedEngine): string | undefined {
  if (!haveCommonModel(prefill.models, decode.models))
    return `different models: ${prefill.models.join(', ')} and ${decode.models.join(', ')}`
  const differing = differingFact(prefill, decode)
  if (differing === undefined) return undefined
  const [fact, name] = differing
  return `different ${name}: ${prefill.pairing[fact]} and ${decode.pairing[fact]}`
}

/** Engines of one kind can be a pair with the same engines. */
export function pairingKind({ models, pairing }: PairedEngine): string {
  return JSON.stringify([models, FACTS.map(([fact]) => pairing[fact])])
}

/** Engines that report no model may have any. */
export function haveCommonModel(prefill: readonly string[], decode: readonly string[]): boolean {
  return prefill.length === 0 || decode.length === 0 || prefill.some(model => decode.includes(model))
}

function differingFact(prefill: PairedEngine, decode: PairedEngine): (typeof FACTS)[number] | undefined {
  return FACTS.find(([fact]) => {
    const [ours, theirs] = [prefill.pairing[fact], decode.pairing[fact]]
    return ours !== undefined && theirs !== undefined && ours !== theirs
  })
}

/** An engine without a partner among the others, although there are some of the other role. */
export interface Unpaired {
  readonly engine: Engine
  /** Its conflict with one of them. */
  readonly conflict: string
}

/** The engines of mode `pd` that can work with none of the other role. */
export function unpairedEngines(engines: readonly Engine[]): Unpaired[] {
  const [prefills, decodes] = [kindsOf(engines, 'prefill'), kindsOf(engines, 'decode')]
  return [
    ...prefills.flatMap(same => unpaired(same, decodes, pairingConflict)),
    ...decodes.flatMap(same =>
      unpaired(same, prefills, (decode, prefill) => pairingConflict(prefill, decode)),
    ),
  ]
}

function kindsOf(engines: readonly Engine[], role: Engine['role']): (readonly Engine[])[] {
  const ofRole = engines.filter(engine => engine.role === role)
  return [...Map.groupBy(ofRole, pairingKind).values()]
}

function unpaired(
  same: readonly Engine[],
  others: readonly (readonly Engine[])[],
  conflictOf: (engine: Engine, other: Engine) => string | undefined,
): Unpaired[] {
  let first: string | undefined
  for (const [other] of others) {
    const [engine] = same
    if (engine === undefined || other === undefined) continue
    const conflict = conflictOf(engine, other)
    if (conflict === undefined) return []
    first ??= conflict
  }
  return first === undefined ? [] : same.map(engine => ({ engine, conflict: first }))
}
