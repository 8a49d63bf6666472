/** The interface of an engine that its routes use. */

import type { TimerHandle } from '../clock/clock.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import type { LogprobSide } from '../sequence/logprobs.ts'
import type { GenerationHost } from './generation.ts'

export type Role = 'prefill' | 'decode' | 'mixed'

/**
 * - `starting`: health checks fail with 503.
 * - `up`: healthy.
 * - `stalled`: the scheduler makes no progress, and health checks fail after a timeout.
 * - `draining`: health checks fail with 503, but requests are served.
 * - `dead`: connections are refused.
 * - `blackhole`: connections are accepted, but nothing is sent.
 */
export type HealthState = 'starting' | 'up' | 'stalled' | 'draining' | 'dead' | 'blackhole'

export interface EngineState extends GenerationHost {
  readonly role: Role
  readonly port: number
  /** Port of the bootstrap server; 0 unless the role is prefill. */
  readonly bootstrapPort: number
  readonly health: HealthState
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
