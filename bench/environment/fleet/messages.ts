/** Messages between a scenario and the process of its simulated engines. */
import type { Role } from '../../../src/simulator/engine/engine-state.ts'
import type { FleetPlan } from './plan.ts'

export type ToFleet =
  | { readonly kind: 'open'; readonly plan: FleetPlan }
  | { readonly kind: 'start-faults' }
  | { readonly kind: 'stop-faults' }
  | { readonly kind: 'counters' }
  /** The engine with this URL drops its prefix cache, at once and whatever it is doing. */
  | { readonly kind: 'drop-cache'; readonly url: string }

export type FromFleet =
  | {
      readonly kind: 'urls'
      readonly prefill: readonly PrefillUrl[]
      readonly decode: readonly string[]
      readonly mixed: readonly string[]
    }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'counters'; readonly engines: readonly EngineCounters[] }

export interface PrefillUrl {
  readonly url: string
  readonly bootstrapPort: number
}

export interface EngineCounters {
  readonly role: Role
  /** Generation requests received, one for each leg of an attempt. */
  readonly received: number
  /** Restarts after a crash or a drain. */
  readonly restarts: number
  /** Requests that the engine holds now, in any state. */
  readonly running: number
  /** Highest value of `running` so far. */
  readonly peakRunning: number
  /** Requests that the engine runs at once, from its knob `maxRunning`. */
  readonly capacity: number
  /** Prompt tokens that the engine has computed because it had not cached them. */
  readonly computedTokens: number
}
