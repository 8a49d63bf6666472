/**
 * Publishes the health of engines to all threads: what their probes found, except that slow probes never take out all
 * engines of a role. A fleet that is too busy to answer probes is still better than none.
 */
import type { Engine } from '../core/engine.ts'
import type { EngineSlots, HealthName } from '../shared/engine-slots.ts'

export interface FoundHealth {
  readonly health: HealthName
  /** The engine is unhealthy, but its probes were only slow. */
  readonly isSlow: boolean
}

export interface HealthPublisherOptions {
  readonly slots: Pick<EngineSlots, 'health' | 'setHealth'>
  readonly engines: () => readonly Engine[]
  /** Called when an unhealthy engine stays in use, because no better one is left. */
  readonly onPanic: (engine: Engine) => void
}

export class HealthPublisher {
  readonly #options: HealthPublisherOptions
  /** By slot. */
  readonly #found = new Map<number, FoundHealth>()
  readonly #kept = new Set<number>()

  constructor(options: HealthPublisherOptions) {
    this.#options = options
  }

  /** `found`: what the probes of the engine have found. */
  set({ slot }: Engine, found: FoundHealth): void {
    this.#found.set(slot, found)
    this.publish()
  }

  /** The engine is drained or removed: its health is set elsewhere. */
  forget({ slot }: Engine): void {
    this.#found.delete(slot)
    this.#kept.delete(slot)
    this.publish()
  }

  /** Must be called when engines have changed, because their models decide which can stand in for each other. */
  publish(): void {
    const found = this.#options.engines().filter(({ slot }) => this.#found.has(slot))
    for (const alternatives of Map.groupBy(found, groupOf).values()) this.#publishGroup(alternatives)
  }

  #publishGroup(alternatives: readonly Engine[]): void {
    const { slots, onPanic } = this.#options
    const healthOf = ({ slot }: Engine): HealthName => this.#found.get(slot)?.health ?? 'unknown'
    const isPanic = !alternatives.some(engine => healthOf(engine) === 'healthy')
    for (const engine of alternatives) {
      const isKept = isPanic && this.#found.get(engine.slot)?.isSlow === true
      const health = isKept ? 'healthy' : healthOf(engine)
      if (slots.health(engine.slot) !== health) slots.setHealth(engine.slot, health)
      if (isKept && !this.#kept.has(engine.slot)) onPanic(engine)
      if (isKept) this.#kept.add(engine.slot)
      else this.#kept.delete(engine.slot)
    }
  }
}

/** Engines of one group can serve the same requests. */
function groupOf({ role, models }: Engine): string {
  return [role, ...models].join('\n')
}
