/** All kinds of attacks. Each runs in a process of its own. */
import type { Attack, AttackPlan } from './attack.ts'
import { floodAdmin, floodData, sendBatches } from './floods.ts'
import { holdIdle, stopReading, trickleBodies, trickleHeads } from './held-attacks.ts'

export const ATTACKS = {
  'idle connections': holdIdle,
  'slow heads': trickleHeads,
  'slow bodies': trickleBodies,
  'unread streams': stopReading,
  'flood of requests': floodData,
  'flood of the admin listener': floodAdmin,
  'large batches': sendBatches,
} as const satisfies Record<string, (plan: AttackPlan) => Attack>

export type AttackKind = keyof typeof ATTACKS

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table above
export const ATTACK_KINDS = Object.keys(ATTACKS) as AttackKind[]
