/** What a choice of engines finds before the probes of half-open ones are claimed. */
import type { Engine, Role } from '../../src/core/engine.ts'
import type { Admissible } from '../../src/resilience/admissible.ts'

export type NoPair =
  /** No engine of the role can be chosen now. */
  | { readonly kind: 'none'; readonly missing: Role | 'compatible decode' }
  /** Each role has engines, but all those of one role are at capacity. */
  | { readonly kind: 'full' }

/** A pair whose probes are not yet claimed. `prefill` is absent when a mixed engine does both phases. */
export interface Unclaimed {
  readonly kind: 'unclaimed'
  readonly prefill: Engine | undefined
  readonly decode: Engine
  /** `Admissible.probesEarly` of the lists that the engines were chosen from. */
  readonly earlyPrefill: boolean
  readonly earlyDecode: boolean
}

type ChosenFrom = Pick<Admissible<Engine>, 'probesEarly'>

export const FULL: NoPair = { kind: 'full' }
export const NO_EARLY: ChosenFrom = { probesEarly: false }

/** `prefills` and `decodes`: what the engines were chosen from. */
export function unclaimed(
  prefill: Engine | undefined,
  decode: Engine | undefined,
  prefills: ChosenFrom,
  decodes: ChosenFrom,
): Unclaimed | NoPair {
  if (decode === undefined) return FULL
  const { probesEarly: earlyPrefill } = prefills
  return { kind: 'unclaimed', prefill, decode, earlyPrefill, earlyDecode: decodes.probesEarly }
}
