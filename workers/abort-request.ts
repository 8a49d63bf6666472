/**
 * `POST /abort_request`: tells engines to give a request up, without waiting for their word on it.
 *
 * The call has a connection of its own, so it may overtake the request: the engine knows no such rid yet, answers 200,
 * and starts what nobody waits for. A leg that was sent a moment ago and has shown nothing is therefore told of twice.
 *
 * Of several rids the first is the start of the others (`identity.ts`) and must be heard first: they follow later.
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
    const [first, ...others] = call.rids
    if (first === undefined) return
    this.#send(call, first)
    if (!call.isEarly && others.length === 0) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (call.isEarly) this.#send(call, first)
      for (const rid of others) this.#send(call, rid)
    }, AGAIN_MS)
    this.#timers.add(timer)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #send({ url, headers }: AbortCall, rid: string): void {
    const body = Buffer.from(JSON.stringify({ rid, abort_all: false }))
    this.#upstreams.to(url).send({ method: 'POST', path: '/abort_request', headers, body }, IGNORED)
  }
}
