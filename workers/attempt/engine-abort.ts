/**
 * `POST /abort_request`: tells engines to give a request up, without waiting for their word on it.
 *
 * The call has a connection of its own, so it may overtake the request: the engine knows no such rid yet, answers 200,
 * and starts what nobody waits for. A leg that was sent a moment ago and has shown nothing is therefore told of again.
 *
 * Of several rids the first is the start of the others (`identity.ts`) and must be heard first: they follow later.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { ResponseHandler, UpstreamRequestOptions } from '../upstream/types.ts'

/** Whatever the engine says: it may be the very one that has died. */
const IGNORED: ResponseHandler = {
  onHead() {},
  onData() {},
  onEnd() {},
  onError() {},
}

/**
 * When it is told of again. An engine has mostly read by the first of these what was sent before; one whose loop is
 * held up (a long prompt in its tokenizer, a machine with too much to do) by the second.
 */
const REPEAT_AFTER_MS = [100, 500] as const
const OTHER_RIDS_AFTER_MS = REPEAT_AFTER_MS[0]

export interface EngineAbort {
  readonly url: string
  readonly rids: readonly string[]
  readonly headers: FlatHeaders
  /** The engine may not have read the request yet. */
  readonly maybeUnread: boolean
}

/** The way to an engine: `Upstreams`. */
interface Calls {
  to(url: string): { send(request: UpstreamRequestOptions, handler: ResponseHandler): unknown }
}

export class EngineAborts {
  readonly #upstreams: Calls
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(upstreams: Calls) {
    this.#upstreams = upstreams
  }

  send(call: EngineAbort): void {
    const [first, ...others] = call.rids
    if (first === undefined) return
    this.#send(call, first)
    if (call.maybeUnread) for (const ms of REPEAT_AFTER_MS) this.#later(ms, () => this.#send(call, first))
    if (others.length > 0)
      this.#later(OTHER_RIDS_AFTER_MS, () => others.forEach(rid => this.#send(call, rid)))
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  #send({ url, headers }: EngineAbort, rid: string): void {
    const body = Buffer.from(JSON.stringify({ rid, abort_all: false }))
    this.#upstreams.to(url).send({ method: 'POST', path: '/abort_request', headers, body }, IGNORED)
  }
}
