/** What a router thread owns for its whole life, lent to all its exchanges. */
import type { Config } from '../../src/config/config.ts'
import type { NowMs } from '../../src/core/clock.ts'
import type { Random } from '../../src/core/random.ts'
import type { LegJournal } from '../../src/shared/leg-journal.ts'
import type { PairLinks } from '../../src/shared/pair-links.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import type { AbortCalls } from '../attempt/engine-abort.ts'
import type { Observer } from '../attempt/metrics.ts'
import type { Breakers } from '../selection/breakers.ts'
import type { Capacity } from '../selection/capacity-queue.ts'
import type { Fleet } from '../selection/pair-selector.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { RetryGate } from './budget-queue.ts'

export interface RouterContext {
  readonly config: Config
  readonly fleet: Fleet
  readonly upstreams: Upstreams
  readonly aborts: AbortCalls
  readonly journal: LegJournal
  readonly breakers: Breakers
  readonly links: PairLinks
  readonly retryGate: RetryGate
  readonly capacity: Capacity
  readonly random: Random
  /** The process clock: deadlines and the shared state of breakers and links are on it. */
  readonly nowMs: NowMs
  readonly log: Logger
  readonly observer: Observer
}
