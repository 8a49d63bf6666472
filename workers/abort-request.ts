/**
 * `POST /abort_request`: tells engines to give a request up, without waiting for their word on it.
 *
 * The call has a connection of its own, so it may overtake the request: the engine knows no such rid yet, answers 200,
 * and starts what nobody waits for. A leg that was sent a moment ago and has shown nothing is therefore told of twice.
 */
import type { FlatHeaders } from '../src/messages/types.ts'
import type { LegHandler } from './upstream/leg.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Whatever the engine says: it may be the very one that has died. */
const IGNORED: LegHandler = {
  onHead() {},
  onData() {},
  onEnd() {},
  onFail() {},
}

/** By then an engine that lives has read what was sent before it. */
const AGAIN_MS = 100

export interface AbortCall {
  readonly url: string
  readonly rids: readonly string[]
  readonly headers: FlatHeaders
  /** The engine may not have read the request yet. */
  readonly isEarly: boolean
}

export class AbortCalls {
  readonly #upstreams: Upstreams
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(upstreams: Upstreams) {
    this.#upstreams = upstreams
  }

  tell(call: AbortCall): void {
    this.#send(call)
    if (!call.isEarly) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#send(call)
    }, AGAIN_MS)
    this.#timers.add(timer)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  /** One request a rid: engines look each up by itself. */
  #send({ url, rids, headers }: AbortCall): void {
    for (const rid of rids) {
      const body = Buffer.from(JSON.stringify({ rid, abort_all: false }))
      this.#upstreams.to(url).send({ method: 'POST', path: '/abort_request', headers, body }, IGNORED)
    }
  }
}
