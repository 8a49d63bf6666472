/** Named sets of fault knobs: how hard life is for whoever talks to the engines. */
import type { Knobs } from './knobs.ts'

export const PRESETS = {
  /** Nothing fails. */
  calm: {},
  /** The rate at which production transfers were seen to fail at rest. */
  normal: { pBase: 1e-4, pOver: 0.02 },
  /** One transfer in a hundred fails, and now and then a stream begins with an error. */
  stressed: { pBase: 0.01, pOver: 0.02, errorInStreamProb: 0.005 },
} as const satisfies Record<string, Partial<Knobs>>
