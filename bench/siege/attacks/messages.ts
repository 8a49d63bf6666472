/** Messages between the siege and the process of an attacker. */
import type { AttackPlan } from './attack.ts'
import type { AttackKind } from './kinds.ts'
import type { Tally } from './tally.ts'

export type ToAttacker =
  | { readonly kind: 'start'; readonly attack: AttackKind; readonly plan: AttackPlan }
  | { readonly kind: 'report' }
  | { readonly kind: 'stop' }

/** The answers: the attacker has started; this is what it has got so far, at a stop for the last time. */
export type FromAttacker = { readonly kind: 'started' } | { readonly kind: 'tally'; readonly tally: Tally }
