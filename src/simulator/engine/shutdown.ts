/**
 * What an engine does after SIGTERM (SGLang 0.5.23).
 *
 * The Python front end drains: it serves on, looks at intervals whether it holds no sequence, and then leaves. A request
 * that arrives between the last look and the close of the listener is taken and never answered, and keeps the process
 * alive until its client leaves. The Rust front end does not drain: half a second later everything is cut off.
 */
import { traitsOf } from '../settings/profiles.ts'
import { type EngineState, type HealthState, later } from './engine-state.ts'

const RUST_EXIT_MS = 500

interface Hooks {
  setHealth(state: HealthState): void
  /** Stops listening. Resolves when all connections with a request have closed. */
  closed(): Promise<void>
  /** Ends the process: connections are reset, sequences discarded. */
  terminate(): Promise<void>
}

export class Shutdown {
  readonly #engine: EngineState
  readonly #hooks: Hooks

  constructor(engine: EngineState, hooks: Hooks) {
    this.#engine = engine
    this.#hooks = hooks
  }

  start(): void {
    if (traitsOf(this.#engine.knobs).frontend === 'rust') {
      return later(this.#engine, RUST_EXIT_MS, () => void this.#hooks.terminate())
    }
    this.#hooks.setHealth('draining')
    this.#drain()
  }

  /** The end of draining, without the wait for it. */
  leave(): void {
    this.#hooks.setHealth('exiting')
    later(this.#engine, this.#engine.knobs.drainCloseMs, () => void this.#endWithLastClient())
  }

  #drain(): void {
    later(this.#engine, this.#engine.knobs.drainPollMs, () => {
      if (this.#engine.health !== 'draining') return
      if (this.#engine.table.size === 0) this.leave()
      else this.#drain()
    })
  }

  async #endWithLastClient(): Promise<void> {
    if (this.#engine.health !== 'exiting') return
    await this.#hooks.closed()
    if (this.#engine.health === 'exiting') await this.#hooks.terminate()
  }
}
