/** What the router threads are given by whoever starts them, and whom they tell what. */
import type { Config } from '../config/config.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Batch } from '../messages/codec.ts'
import type { SharedMemory } from '../shared/layout.ts'
import type { OpenLegs } from '../shared/leg-journal.ts'
import type { Logger } from '../telemetry/log.ts'

export interface RouterThreadsOptions {
  readonly config: Config
  readonly shared: SharedMemory
  readonly count: number
  /** Module whose default export runs a `RouterThreadTask`. */
  readonly entry: URL
  /** Valid for as long as the callee keeps it. */
  readonly onBatch: (channel: ThreadChannel, batch: Batch) => void
  /** The thread behind the channel is gone, its rows cleared; another one is being started. */
  readonly onExit: (channel: ThreadChannel, exit: ThreadExit) => void
  /** One more thread takes batches. */
  readonly onReady?: () => void
  readonly log: Logger
}

interface ThreadExit {
  /** It was told to end: nothing that it had open is to blame. */
  readonly wasOrdered: boolean
  /** What it has left on the engines. */
  readonly left: readonly OpenLegs[]
}
