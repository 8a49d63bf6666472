/**
 * Removes engines from a gateway under load and adds them back.
 *
 * One engine at a time, prefill and decode engines in turn. A removed engine drains before it is added again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type AdminEngine, EngineAdmin } from './engine-admin.ts'

export class Churn {
  readonly #admin: EngineAdmin
  readonly #engines: readonly AdminEngine[]
  readonly #pauseMs: number
  readonly #done: Promise<void>
  #stopped = false
  #changes = 0

  /** Starts at once. `pauseMs` is the pause after each removal and each addition. */
  constructor(adminUrl: string, engines: readonly AdminEngine[], pauseMs: number) {
    this.#admin = new EngineAdmin(adminUrl)
    this.#engines = engines
    this.#pauseMs = pauseMs
    this.#done = this.#run()
    // `stop` reports the failure; an unhandled rejection before that would end the process.
    this.#done.catch(() => undefined)
  }

  /**
   * Resolves when every engine is in the gateway again, with the number of engines that were removed and added back.
   * @throws Error when a removal or an addition failed.
   */
  async stop(): Promise<number> {
    this.#stopped = true
    await this.#done
    return this.#changes
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const engine = this.#engines[turn % this.#engines.length]
      if (engine === undefined) return
      await this.#removeAndAdd(engine)
    }
  }

  async #removeAndAdd(engine: AdminEngine): Promise<void> {
    await this.#admin.remove(engine)
    await delay(this.#pauseMs)
    await this.#admin.add(engine)
    this.#changes++
    await delay(this.#pauseMs)
  }
}
