/** What the supervisor of the engines needs, and whom it informs. */
import type { Config } from '../config/config.ts'
import type { EngineSnapshot, LostEngine } from '../core/engine.ts'
import type { BreakerCells } from '../shared/breaker-cells.ts'
import type { EngineSlots } from '../shared/engine-slots.ts'
import type { PairHealth } from '../shared/pair-health.ts'
import type { Logger } from '../telemetry/log.ts'
import type { OwnListener } from './own-address.ts'

export interface EngineSupervisorOptions {
  readonly config: Config
  readonly slots: EngineSlots
  readonly breakers: BreakerCells
  readonly pairHealth: PairHealth
  readonly maxEngines: number
  /** Last snapshot of the previous control thread. */
  readonly known: EngineSnapshot
  /** Keys of the engines that were removed during a previous control thread. */
  readonly removed: readonly string[]
  readonly log: Logger
  readonly onSnapshot: (snapshot: EngineSnapshot) => void
  /** Called with the keys of all engines that are removed now, which a later control thread needs. */
  readonly onRemoved: (keys: readonly string[]) => void
  /** Where the gateway itself listens, as far as it does already. */
  readonly ownListeners: () => readonly OwnListener[]
  /** Called before the slot is assigned to another engine. */
  readonly onSlotTaken: (slot: number) => void
  /** The engine of the slot is back after an outage. */
  readonly onBack: (slot: number) => void
  /** Called, also repeatedly, for an engine that requests need not wait for any longer. */
  readonly onLost: (lost: LostEngine) => void
  /** Called with the number of engines that have not responded yet, when it changes. */
  readonly onJoining: (count: number) => void
}
