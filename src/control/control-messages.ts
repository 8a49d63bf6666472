/** Messages between the main thread and the control thread. */
import type { Config } from '../config/config.ts'
import type { EngineSnapshot, LostEngine } from '../core/engine.ts'
import type { SharedMemory } from '../shared/layout.ts'

/** `workerData` of the control thread. */
export interface ControlTask {
  readonly config: Config
  readonly shared: SharedMemory
  /** Last snapshot of the previous control thread. Empty for the first thread. */
  readonly known: EngineSnapshot
  /** Keys (`keyOf` in `registry.ts`) of the engines removed at run time. They stay removed even if configured. */
  readonly removed: readonly string[]
  /** The gateway is shutting down. */
  readonly isDraining: boolean
  /** Configured port, or the port that the previous thread had. 0 selects a free port. */
  readonly adminPort: number
  /** Port for clients; 0 while the gateway does not listen on it yet. */
  readonly port: number
}

/** Main thread to control thread. */
export type ControlOrder =
  | { readonly kind: 'close' }
  /** `/readiness` fails from now on. */
  | { readonly kind: 'drain' }
  /** Engines are asked for their models now. */
  | { readonly kind: 'refresh' }
  /** The gateway listens on this port for clients. */
  | { readonly kind: 'port'; readonly port: number }

/** Control thread to main thread. */
export type ControlReport =
  | { readonly kind: 'snapshot'; readonly snapshot: EngineSnapshot }
  /** Keys of all engines that are removed now. */
  | { readonly kind: 'removed'; readonly keys: readonly string[] }
  | { readonly kind: 'lost'; readonly lost: LostEngine }
  /** Number of engines that have not responded yet. */
  | { readonly kind: 'joining'; readonly count: number }
  | { readonly kind: 'listening'; readonly adminPort: number }
  /** An operator has requested a restart of the router thread. */
  | { readonly kind: 'restart-thread'; readonly thread: number }
