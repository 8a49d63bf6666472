/**
 * Takes engines out of a gateway and puts them back while it is under load, by its admin listener, as an operator would:
 * one after the other, a prefill engine and a decode engine in turn. One that is out drains first.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { member } from '../load/answer-pieces.ts'

export interface ChurnedEngine {
  readonly url: string
  readonly role: 'prefill' | 'decode'
  readonly bootstrapPort?: number
}

const LOOK_MS = 20
const STEP_LIMIT_MS = 30_000

export class Churn {
  readonly #adminUrl: string
  readonly #engines: readonly ChurnedEngine[]
  readonly #pauseMs: number
  readonly #done: Promise<void>
  #isStopped = false
  #changes = 0

  /** Begins at once. `pauseMs`: after each change. */
  constructor(adminUrl: string, engines: readonly ChurnedEngine[], pauseMs: number) {
    this.#adminUrl = adminUrl
    this.#engines = engines
    this.#pauseMs = pauseMs
    this.#done = this.#run()
    // Told by `stop`; without this a failure before it would end the process.
    this.#done.catch(() => undefined)
  }

  /** All engines are in the gateway again. @returns engines taken out and put back. @throws what went wrong. */
  async stop(): Promise<number> {
    this.#isStopped = true
    await this.#done
    return this.#changes
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#isStopped; turn++) {
      const engine = this.#engines[turn % this.#engines.length]
      if (engine === undefined) return
      // oxlint-disable-next-line no-await-in-loop -- one engine after the other
      await this.#outAndBack(engine)
    }
  }

  async #outAndBack(engine: ChurnedEngine): Promise<void> {
    await this.#ask('DELETE', `/${encodeURIComponent(engine.url)}`)
    await this.#until(engine.url, health => health === undefined)
    await delay(this.#pauseMs)
    await this.#ask('POST', '', engine)
    await this.#until(engine.url, health => health === 'healthy')
    this.#changes++
    await delay(this.#pauseMs)
  }

  async #until(url: string, holds: (health: unknown) => boolean): Promise<void> {
    const giveUpAt = performance.now() + STEP_LIMIT_MS
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- looking again and again is the point
      const listed = member(await this.#ask('GET', ''), 'engines')
      const found: unknown = Array.isArray(listed)
        ? listed.find(one => member(one, 'url') === url)
        : undefined
      if (holds(member(found, 'health'))) return
      if (performance.now() > giveUpAt) throw new Error(`${url} did not come or go in ${STEP_LIMIT_MS} ms`)
      // oxlint-disable-next-line no-await-in-loop -- a pause between two looks
      await delay(LOOK_MS)
    }
  }

  async #ask(method: string, path: string, body?: ChurnedEngine): Promise<unknown> {
    const response = await fetch(`${this.#adminUrl}/admin/engines${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok)
      throw new Error(`${method} /admin/engines: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
}
