/** The interface of an engine that its routes use. */

import type { TimerHandle } from '../clock/clock.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import type { LogprobSide } from '../sequence/logprobs.ts'
import type { Scheduler } from '../sequence/scheduler.ts'
import type { GenerationHost } from './generation.ts'

export type Role = 'prefill' | 'decode' | 'mixed'

/**
 * - `starting`: health checks fail with 503.
 * - `up`: healthy.
 * - `stalled`: the scheduler makes no progress, and health checks fail after a timeout.
 * - `draining`: health checks fail with 503, but requests are served. The engine exits once it holds none. The Rust front
 *   end does not drain: it stays `up`, and half a second later it is `dead`.
 * - `exiting`: the end of draining. Generation requests are taken and never answered, and the process stays until their
 *   clients have left.
 * - `scheduler-crashed`: the HTTP server is left alone. It accepts requests and answers none, and is `dead` after the knob
 *   `crashedSchedulerMs`.
 * - `dead`: connections are refused.
 * - `blackhole`: connections are accepted, but nothing is sent.
 */
export const HEALTH_STATES = [
  'starting',
  'up',
  'stalled',
  'draining',
  'exiting',
  'scheduler-crashed',
  'dead',
  'blackhole',
] as const

export type HealthState = (typeof HEALTH_STATES)[number]

/** States in which a connection is accepted, but nothing is sent. */
export const SILENT: ReadonlySet<HealthState> = new Set(['blackhole', 'scheduler-crashed'])
/** States in which the scheduler makes no progress. */
export const STOPPED: ReadonlySet<HealthState> = new Set(['stalled', 'scheduler-crashed'])

export interface EngineState extends GenerationHost {
  readonly role: Role
  readonly port: number
  /** Port of the bootstrap server; 0 unless the role is prefill. */
  readonly bootstrapPort: number
  readonly health: HealthState
  /** By data-parallel rank. */
  readonly schedulers: readonly Scheduler[]
  /** Which logprobs the engine can return. */
  readonly side: LogprobSide
  /** Timers of delayed responses, which are cleared in a crash. */
  readonly timers: Set<TimerHandle>
  /** Records the request. Returns false if the knob `crashAfter` has crashed the engine. */
  recordArrival(request: IncomingRequest): boolean
}

export type Route = (engine: EngineState, request: IncomingRequest) => void

/** Calls `run` after `ms`, unless the engine has crashed by then. */
export function later(engine: EngineState, ms: number, run: () => void): void {
  const timer = engine.clock.setTimeout(() => {
    engine.timers.delete(timer)
    run()
  }, ms)
  engine.timers.add(timer)
}
