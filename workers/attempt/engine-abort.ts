/**
 * Sends `POST /abort_request`, by which engines give up a request. The responses are ignored.
 *
 * An abort has a connection of its own, so it may overtake the request: the engine then knows no such rid, responds
 * with status 200, and starts a request that nothing waits for. The abort of a leg that was sent a moment ago and has
 * not responded is therefore repeated.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from '../upstream/types.ts'

/**
 * When an abort is repeated. An abort that was sent together with its request is lost, one that follows a millisecond
 * later holds (SGLang 0.5.23, both servers). By the second of these an engine has usually read what was sent before; by
 * the third, so has one whose event loop is blocked (a long prompt in its tokenizer, an overloaded machine).
 */
const REPEAT_AFTER_MS = [5, 100, 500] as const
/** An engine that is stopped accepts connections and never responds. */
const LIMIT_MS = 10_000

export interface EngineAbort {
  readonly url: string
  readonly rid: string
  readonly headers: FlatHeaders
  /** The engine may not have read the request yet. */
  readonly maybeUnread: boolean
}

/** The part of `Upstreams` that aborts need. */
interface AbortUpstreams {
  to(url: string): {
    send(request: UpstreamRequestOptions, handler: ResponseHandler): Pick<RequestHandle, 'abort'>
  }
}

export class EngineAborts {
  readonly #upstreams: AbortUpstreams
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(upstreams: AbortUpstreams) {
    this.#upstreams = upstreams
  }

  send(abort: EngineAbort): void {
    this.#send(abort)
    if (abort.maybeUnread) for (const ms of REPEAT_AFTER_MS) this.#later(ms, () => this.#send(abort))
  }

  /** Drops the aborts that have not been sent yet. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #later(ms: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  #send({ url, headers, rid }: EngineAbort): void {
    const body = Buffer.from(JSON.stringify({ rid, abort_all: false }))
    const call = { method: 'POST', path: '/abort_request', headers, body } as const
    let timer: NodeJS.Timeout | undefined
    let isDone = false
    const end = (): void => {
      isDone = true
      clearTimeout(timer)
      if (timer !== undefined) this.#timers.delete(timer)
    }
    // The engine may be the very one that has died, so no error of an abort matters.
    const handle = this.#upstreams.to(url).send(call, { onHead() {}, onData() {}, onEnd: end, onError: end })
    if (!isDone) timer = this.#later(LIMIT_MS, () => handle.abort())
  }
}
