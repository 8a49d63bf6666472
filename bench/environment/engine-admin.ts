/** Removes engines from a gateway and adds them, over its admin API as an operator would. */
import { setTimeout as delay } from 'node:timers/promises'
import { member } from '../json/member.ts'

export interface AdminEngine {
  readonly url: string
  readonly role: 'prefill' | 'decode' | 'mixed'
  readonly bootstrapPort?: number
}

const POLL_INTERVAL_MS = 20
const STEP_LIMIT_MS = 30_000

export class EngineAdmin {
  readonly #adminUrl: string

  constructor(adminUrl: string) {
    this.#adminUrl = adminUrl
  }

  /** Resolves when the engine has drained and is gone. @throws Error when it is not within 30 s. */
  async remove({ url }: AdminEngine): Promise<void> {
    await this.#request('DELETE', `/${encodeURIComponent(url)}`)
    await this.#until(url, 'removed', health => health === undefined)
  }

  /** Resolves when the engine is healthy. @throws Error when it is not within 30 s. */
  async add(engine: AdminEngine): Promise<void> {
    await this.#request('POST', '', engine)
    await this.#until(engine.url, 'healthy', health => health === 'healthy')
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

  async #request(method: string, path: string, body?: AdminEngine): Promise<unknown> {
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
