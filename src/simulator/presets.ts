/** Named sets of fault knobs. */
import type { Role } from './engine/engine-state.ts'
import type { Knobs } from './settings/knobs.ts'

/** Knobs for all engines; those of a role take precedence. */
type Preset = Readonly<Partial<Record<Role | 'all', Partial<Knobs>>>>

export const PRESETS = {
  /** Nothing fails. */
  calm: {},
  /** KV transfers fail at the rate observed in production under light load. */
  normal: { all: { pBase: 1e-4, pOver: 0.02 } },
  /** 1% of KV transfers fail, and 0.5% of streams begin with an error. */
  stressed: { all: { pBase: 0.01, pOver: 0.02, errorInStreamProb: 0.005 } },
  /** About 9% of attempts fail, by all kinds of faults, spread evenly over the engines of a role. */
  mixed: {
    all: { resetBeforeHeadProb: 0.01, waitingTimeoutMs: 30_000, bootstrapTimeoutMs: 30_000 },
    prefill: { errorStatusProb: 0.01 },
    decode: { errorStatusProb: 0.03, errorAfterKvProb: 0.02, abortInStreamProb: 0.01 },
  },
} as const satisfies Record<string, Preset>

export const PRESET_NAMES = Object.keys(PRESETS)

/** The preset's knobs for an engine of this role. Empty if there is no such preset. */
export function presetKnobs(name: string, role: Role): Partial<Knobs> {
  const found: Preset = Object.entries(PRESETS).find(([known]) => known === name)?.[1] ?? {}
  return { ...found.all, ...found[role] }
}
