/** What a scenario and the process of its simulated engines say to each other. */
import type { Role } from '../../../src/simulator/engine/engine-state.ts'
import type { FleetPlan } from './plan.ts'

export type ToFleet =
  | { readonly kind: 'open'; readonly plan: FleetPlan }
  /** Faults begin to come. */
  | { readonly kind: 'trouble' }
  | { readonly kind: 'calm' }
  | { readonly kind: 'counters' }

export type FromFleet =
  | { readonly kind: 'urls'; readonly prefill: readonly PrefillUrl[]; readonly decode: readonly string[] }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'counters'; readonly engines: readonly EngineCounters[] }

export interface PrefillUrl {
  readonly url: string
  readonly bootstrapPort: number
}

export interface EngineCounters {
  readonly role: Role
  /** Generation requests that have arrived: legs of attempts. */
  readonly received: number
  /** Times that it came back, after a crash or a drain. */
  readonly restarts: number
  /** Requests that it holds now, in any state. */
  readonly running: number
  /** Most of them at a time. */
  readonly peakRunning: number
  /** Most that it runs at a time by its knobs. */
  readonly capacity: number
}
