/**
 * Makes models routable that engines list and the gateway does not know yet, such as adapters loaded after the start: the
 * control thread asks all engines again, and the response with the list waits until the names are known.
 */
import type { EngineSnapshot, Role } from '../../src/core/engine.ts'

export interface ModelNewsOptions {
  /** Roles that must know a model before it can be served. */
  readonly roles: readonly Role[]
  /** Has the control thread ask all engines for their models. */
  readonly refresh: () => void
}

/** An engine that responds to one question about models responds to the next; an adapter may be on one of two engines. */
const MAX_WAIT_MS = 1000

export class ModelNews {
  readonly #options: ModelNewsOptions
  #snapshot: Pick<EngineSnapshot, 'engines'> = { engines: [] }
  #wait: PromiseWithResolvers<void> | undefined
  #refreshedMs = -Infinity

  constructor(options: ModelNewsOptions) {
    this.#options = options
  }

  update(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    this.#wait?.resolve()
  }

  /** Resolves when all names are known, at the latest after a second. New names are asked for once a second. */
  async learn(names: readonly string[]): Promise<void> {
    if (names.every(name => this.#isKnown(name)) || performance.now() - this.#refreshedMs < MAX_WAIT_MS)
      return
    this.#refreshedMs = performance.now()
    this.#options.refresh()
    const endMs = this.#refreshedMs + MAX_WAIT_MS
    while (performance.now() < endMs && !names.every(name => this.#isKnown(name))) {
      const wait = Promise.withResolvers<void>()
      this.#wait = wait
      const timer = setTimeout(wait.resolve, Math.max(0, endMs - performance.now()))
      await wait.promise
      clearTimeout(timer)
    }
  }

  #isKnown(name: string): boolean {
    const { engines } = this.#snapshot
    return this.#options.roles.every(role =>
      engines.some(engine => engine.role === role && engine.models.includes(name)),
    )
  }
}
