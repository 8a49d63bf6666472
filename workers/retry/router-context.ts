/** What a router thread owns for its whole life, lent to all its exchanges. */
import type { Config } from '../../src/config/config.ts'
import type { NowMs } from '../../src/core/clock.ts'
import type { Random } from '../../src/core/random.ts'
import type { LegJournal } from '../../src/shared/leg-journal.ts'
import type { PairHealth } from '../../src/shared/pair-health.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import type { EngineAborts } from '../attempt/engine-abort.ts'
import type { RouterMetrics } from '../attempt/metrics.ts'
import type { Breakers } from '../selection/breakers.ts'
import type { CapacityQueue } from '../selection/capacity-queue.ts'
import type { PairSelector } from '../selection/pair-selector.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { RetryBudgetQueue } from './budget-queue.ts'

export interface RouterContext {
  readonly config: Config
  readonly pairSelector: PairSelector
  readonly upstreams: Upstreams
  readonly aborts: EngineAborts
  readonly journal: LegJournal
  readonly breakers: Breakers
  readonly pairHealth: PairHealth
  readonly budgetQueue: RetryBudgetQueue
  readonly capacityQueue: CapacityQueue
  readonly random: Random
  /** The process clock: deadlines and the shared state of breakers and links are on it. */
  readonly nowMs: NowMs
  readonly log: Logger
  readonly metrics: RouterMetrics
}
