/** Options of `RouterThreads`. */
import type { Config } from '../config/config.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Batch } from '../messages/codec.ts'
import type { SharedMemory } from '../shared/layout.ts'
import type { OpenLegs } from '../shared/leg-journal.ts'
import type { Logger } from '../telemetry/log.ts'

export interface RouterThreadsOptions {
  readonly config: Config
  readonly shared: SharedMemory
  /** Number of threads. */
  readonly count: number
  /** Module whose default export runs a `RouterThreadTask`. */
  readonly entry: URL
  /** The callee may keep the batch. */
  readonly onBatch: (channel: ThreadChannel, batch: Batch) => void
  /** The thread of the channel has died and its rows in shared memory are cleared. A new thread follows. */
  readonly onExit: (channel: ThreadChannel, exit: ThreadExit) => void
  /** A thread has started to take batches. */
  readonly onReady?: () => void
  /** An engine lists models that the last snapshot does not have. */
  readonly onNewModels?: () => void
  readonly log: Logger
}

interface ThreadExit {
  /** Whether the thread was ended on purpose, so that none of its requests can have killed it. */
  readonly wasOrdered: boolean
  /** Legs that were open on engines when the thread died. */
  readonly orphanedLegs: readonly OpenLegs[]
}
