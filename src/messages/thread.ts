/** What a router thread is given at its start, and what the main thread and it tell each other beside the batches. */
import type { MessagePort } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import type { EngineSnapshot } from '../core/engine.ts'
import type { SharedMemory } from '../shared/layout.ts'
import type { FlatHeaders } from './types.ts'

/** Argument of the one Piscina task that a router thread runs for its whole life. `port` is transferred. */
export interface RouterThreadTask {
  /** Carries batches (`codec.ts`) and the control messages below, in order. */
  readonly port: MessagePort
  readonly config: Config
  readonly shared: SharedMemory
  /** 0 or more; the thread's row in shared memory. */
  readonly thread: number
}

/** A request that an engine is to give up. */
export interface PendingAbort {
  readonly url: string
  readonly rids: readonly string[]
  /** Of the client's request: engines may want its authorization. */
  readonly headers: FlatHeaders
}

/**
 * Main thread to router thread. `close`: finish nothing, close every socket, end the task. `abort`: what a thread that
 * died has left on the engines. `collect-garbage`: memory is short.
 */
export type ThreadOrder =
  | { readonly kind: 'snapshot'; readonly snapshot: EngineSnapshot }
  | { readonly kind: 'abort'; readonly calls: readonly PendingAbort[] }
  | { readonly kind: 'collect-garbage' }
  | { readonly kind: 'close' }

/** Router thread to main thread: it takes batches from now on. `threadId` is Node's, by which it can be terminated. */
export interface ThreadReport {
  readonly kind: 'ready'
  readonly threadId: number
}
