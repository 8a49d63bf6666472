/** What the monitor of an engine needs, and whom it informs. */
import type { Config } from '../../config/config.ts'
import type { HealthName } from '../../shared/engine-slots.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { EngineSpec } from '../discovery/static.ts'
import type { KnownEngine } from './engine-info.ts'

export interface EngineMonitorOptions {
  readonly spec: EngineSpec
  /** Health found by the monitor of a previous control thread. `unknown` for a new engine. */
  readonly lastHealth: HealthName
  readonly health: Config['health']
  readonly engines: Config['engines']
  readonly signal: AbortSignal
  readonly log: Logger
  /** Whether the engine would be the gateway itself. */
  readonly isOwn: () => Promise<boolean>
  /** Number of requests that have succeeded on the engine, counted from any time. */
  readonly served: () => number
  /** Called when the engine has answered. `isBack`: it is up for the first time, or again after a failed probe. */
  readonly onInfo: (info: KnownEngine, isBack: boolean) => void
  /** Called when a probe has changed one of the two. `isSlow`: the engine is unhealthy, but only slow. */
  readonly onHealth: (health: HealthName, isSlow: boolean) => void
  /** Called with each probe that shows that requests need not wait for the engine any longer. */
  readonly onLost: (reason: string) => void
}
