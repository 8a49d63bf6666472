/** Messages between the reporting process and a generator process. */

import type { Share } from '../arrivals/share.ts'
import type { LoadPlan } from '../plan/plan.ts'
import type { GeneratorProgress } from '../records/progress.ts'

export type ToGenerator =
  | {
      readonly kind: 'plan'
      readonly plan: LoadPlan
      readonly share: Share
      readonly sources: readonly string[]
    }
  /** Starts the run at `atMs`, Unix time in milliseconds. */
  | { readonly kind: 'start'; readonly atMs: number }
  /** Abandons open requests and ends the run. */
  | { readonly kind: 'stop' }

export type FromGenerator =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string }
  | ({ readonly kind: 'progress' } & GeneratorProgress)
  | { readonly kind: 'done' }
