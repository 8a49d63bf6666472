/** What the main thread and the control thread tell each other. */
import type { Config } from '../config/config.ts'
import type { EngineSnapshot } from '../core/engine.ts'
import type { SharedMemory } from '../shared/layout.ts'

/** `workerData` of the control thread. */
export interface ControlTask {
  readonly config: Config
  readonly shared: SharedMemory
  /** The last that a control thread before this one has sent; without engines for the first. */
  readonly known: EngineSnapshot
  /** Engines that were removed while the process ran: `keyOf` of `registry.ts`. They stay away though configured. */
  readonly removed: readonly string[]
  /** The gateway is on its way down. */
  readonly isDraining: boolean
  /** As configured, or the one that a thread before this one had; 0: any free one. */
  readonly adminPort: number
}

/** Main thread to control thread. */
export type ControlOrder =
  | { readonly kind: 'close' }
  /** `/readiness` says no from now on. */
  | { readonly kind: 'drain' }

/** Control thread to main thread. */
export type ControlReport =
  | { readonly kind: 'snapshot'; readonly snapshot: EngineSnapshot }
  /** All that are removed now. */
  | { readonly kind: 'removed'; readonly keys: readonly string[] }
  | { readonly kind: 'listening'; readonly adminPort: number }
  /** An operator wants the router thread replaced. */
  | { readonly kind: 'restart-thread'; readonly thread: number }
