/** Named sets of fault knobs: how hard life is for whoever talks to the engines. */
import type { Role } from './engine/engine-state.ts'
import type { Knobs } from './settings/knobs.ts'

/** Knobs of all engines, and on top of them those of a role. */
type Preset = Readonly<Partial<Record<Role | 'all', Partial<Knobs>>>>

export const PRESETS = {
  /** Nothing fails. */
  calm: {},
  /** The rate at which production transfers were seen to fail at rest. */
  normal: { all: { pBase: 1e-4, pOver: 0.02 } },
  /** One transfer in a hundred fails, and now and then a stream begins with an error. */
  stressed: { all: { pBase: 0.01, pOver: 0.02, errorInStreamProb: 0.005 } },
  /** About 9 attempts in a hundred fail, by every kind of fault, evenly over the engines of a role. */
  mixed: {
    all: { resetBeforeHeadProb: 0.01, waitingTimeoutMs: 30_000, bootstrapTimeoutMs: 30_000 },
    prefill: { errorStatusProb: 0.01 },
    decode: { errorStatusProb: 0.03, errorAfterKvProb: 0.02, abortInStreamProb: 0.01 },
  },
} as const satisfies Record<string, Preset>

export const PRESET_NAMES = Object.keys(PRESETS)

/** Knobs of an engine of the role; none for a name that is no preset. */
export function presetKnobs(name: string, role: Role): Partial<Knobs> {
  const found: Preset = Object.entries(PRESETS).find(([known]) => known === name)?.[1] ?? {}
  return { ...found.all, ...found[role] }
}
