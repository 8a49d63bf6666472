/** What the routes of an engine may see and use of it. */

import type { TimerHandle } from '../clock/clock.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import type { LogprobSide } from '../sequence/logprobs.ts'
import type { GenerationHost } from './generation.ts'

export type Role = 'prefill' | 'decode' | 'mixed'

/**
 * starting: 503 · up · stalled: nothing moves, /health fails after its timeout · draining: 503 but serves ·
 * dead: refuses connections · blackhole: takes them, says nothing.
 */
export type HealthState = 'starting' | 'up' | 'stalled' | 'draining' | 'dead' | 'blackhole'

export interface EngineState extends GenerationHost {
  readonly role: Role
  readonly port: number
  /** 0 for all but prefill. */
  readonly bootstrapPort: number
  readonly health: HealthState
  /** What its role knows of logprobs. */
  readonly side: LogprobSide
  /** Timers of answers not yet given: forgotten when the process dies. */
  readonly timers: Set<TimerHandle>
  /** Notes the body; may kill the process. Returns false when it did. */
  arrived(request: IncomingRequest): boolean
}

export type Route = (engine: EngineState, request: IncomingRequest) => void

/** Runs once after `ms`, unless the process has died by then. */
export function later(engine: EngineState, ms: number, run: () => void): void {
  const timer = engine.clock.setTimeout(() => {
    engine.timers.delete(timer)
    run()
  }, ms)
  engine.timers.add(timer)
}
