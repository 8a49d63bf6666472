/**
 * Removes engines from a gateway under load and adds them back, over its admin API as an operator would.
 *
 * One engine at a time, prefill and decode engines in turn. A removed engine drains before it is added again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { member } from '../json/member.ts'

export interface ChurnedEngine {
  readonly url: string
  readonly role: 'prefill' | 'decode'
  readonly bootstrapPort?: number
}

const POLL_INTERVAL_MS = 20
const STEP_LIMIT_MS = 30_000

export class Churn {
  readonly #adminUrl: string
  readonly #engines: readonly ChurnedEngine[]
  readonly #pauseMs: number
  readonly #done: Promise<void>
  #stopped = false
  #changes = 0

  /** Starts at once. `pauseMs` is the pause after each removal and each addition. */
  constructor(adminUrl: string, engines: readonly ChurnedEngine[], pauseMs: number) {
    this.#adminUrl = adminUrl
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

  async #removeAndAdd(engine: ChurnedEngine): Promise<void> {
    await this.#request('DELETE', `/${encodeURIComponent(engine.url)}`)
    await this.#until(engine.url, 'removed', health => health === undefined)
    await delay(this.#pauseMs)
    await this.#request('POST', '', engine)
    await this.#until(engine.url, 'healthy', health => health === 'healthy')
    this.#changes++
    await delay(this.#pauseMs)
  }

  /** Polls the engine list until the health of the engine, undefined when it is not listed, satisfies `holds`. */
  async #until(url: string, state: string, holds: (health: unknown) => boolean): Promise<void> {
    const giveUpMs = performance.now() + STEP_LIMIT_MS
    for (;;) {
      const listed = member(await this.#request('GET', ''), 'engines')
      const found: unknown = Array.isArray(listed)
        ? listed.find(engine => member(engine, 'url') === url)
        : undefined
      if (holds(member(found, 'health'))) return
      if (performance.now() > giveUpMs)
        throw new Error(`Engine ${url} was not ${state} within ${STEP_LIMIT_MS / 1000} s`)
      await delay(POLL_INTERVAL_MS)
    }
  }

  async #request(method: string, path: string, body?: ChurnedEngine): Promise<unknown> {
    const response = await fetch(`${this.#adminUrl}/admin/engines${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const content: unknown = await response.json()
    if (response.ok) return content
    throw new Error(`${method} /admin/engines failed: status ${response.status}, ${JSON.stringify(content)}`)
  }
}
