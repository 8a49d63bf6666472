/** The task of a router thread, and the control messages that it exchanges with the main thread. */
import type { MessagePort } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import type { EngineSnapshot, LostEngine } from '../core/engine.ts'
import type { SharedMemory } from '../shared/layout.ts'
import type { FlatHeaders } from './types.ts'

/** Argument of the single Piscina task that a router thread runs for its whole life. `port` is transferred. */
export interface RouterThreadTask {
  /** Carries batches (`codec.ts`) and the control messages below, in one order. */
  readonly port: MessagePort
  readonly config: Config
  readonly shared: SharedMemory
  /** Index of the thread's row in shared memory, 0 or more. */
  readonly thread: number
}

/** A request that must be aborted on an engine. */
export interface PendingAbort {
  readonly url: string
  /** The key that is configured for the engine, if any. */
  readonly apiKey: string | undefined
  readonly rid: string
  /** Headers of the client's request: an engine without a configured key may require its `authorization`. */
  readonly headers: FlatHeaders
}

/**
 * Main thread to router thread.
 *
 * - `snapshot`: the engines have changed.
 * - `abort`: send these aborts for the orphans of a thread that has died.
 * - `lost`: requests need not wait for this engine any longer.
 * - `collect-garbage`: memory is short.
 * - `close`: close all sockets without finishing any exchange, then end the task.
 */
export type ThreadOrder =
  | { readonly kind: 'snapshot'; readonly snapshot: EngineSnapshot }
  | { readonly kind: 'abort'; readonly calls: readonly PendingAbort[] }
  | { readonly kind: 'lost'; readonly lost: LostEngine }
  | { readonly kind: 'collect-garbage' }
  | { readonly kind: 'close' }

/**
 * Router thread to main thread.
 *
 * - `ready`: the thread accepts batches from now on. `threadId` is Node's id, needed to terminate it.
 * - `new-models`: an engine lists models that the snapshot does not have.
 */
export type ThreadReport =
  | { readonly kind: 'ready'; readonly threadId: number }
  | { readonly kind: 'new-models' }
