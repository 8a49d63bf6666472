/**
 * Sends `POST /abort_request`, by which engines give up a request. The responses are ignored.
 *
 * An abort has a connection of its own, so it may overtake the request: the engine then knows no such rid, responds
 * with status 200, and starts a request that nothing waits for. The abort of a leg that was sent a moment ago and has
 * not responded is therefore repeated.
 *
 * The first rid of a batch is a prefix of the others (`request/ids.ts`) and must arrive first, so the others follow
 * later.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { ResponseHandler, UpstreamRequestOptions } from '../upstream/types.ts'

/** The engine may be the very one that has died, so no error of an abort matters. */
const IGNORED: ResponseHandler = {
  onHead() {},
  onData() {},
  onEnd() {},
  onError() {},
}

/**
 * When an abort is repeated. By the first of these an engine has usually read what was sent before; by the second, so
 * has one whose event loop is blocked (a long prompt in its tokenizer, an overloaded machine).
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

/** The part of `Upstreams` that aborts need. */
interface AbortUpstreams {
  to(url: string): { send(request: UpstreamRequestOptions, handler: ResponseHandler): unknown }
}

export class EngineAborts {
  readonly #upstreams: AbortUpstreams
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(upstreams: AbortUpstreams) {
    this.#upstreams = upstreams
  }

  send(abort: EngineAbort): void {
    const [first, ...others] = abort.rids
    if (first === undefined) return
    this.#send(abort, first)
    if (abort.maybeUnread) for (const ms of REPEAT_AFTER_MS) this.#later(ms, () => this.#send(abort, first))
    if (others.length > 0)
      this.#later(OTHER_RIDS_AFTER_MS, () => others.forEach(rid => this.#send(abort, rid)))
  }

  /** Drops the aborts that have not been sent yet. */
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
