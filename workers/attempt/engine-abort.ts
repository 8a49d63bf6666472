/**
 * Sends `POST /abort_request`, by which engines give up a request. Of the responses only a refusal is looked at.
 *
 * An abort has a connection of its own, so it may overtake the request: the engine then knows no such rid, responds
 * with status 200, and starts a request that nothing waits for. The abort of a leg that was sent a moment ago and has
 * not responded is therefore repeated.
 *
 * SGLang takes aborts, unlike requests, only with its admin key if it has one (`--admin-api-key`, 0.5.23).
 */
import type { Config } from '../../src/config/config.ts'
import { withKey } from '../../src/messages/flat-headers.ts'
import type { PendingAbort } from '../../src/messages/thread.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from '../upstream/types.ts'

/**
 * When an abort is repeated. An abort that was sent together with its request is lost, one that follows a millisecond
 * later holds (SGLang 0.5.23, both servers). By the second of these an engine has usually read what was sent before; by
 * the third, so has one whose event loop is blocked (a long prompt in its tokenizer, an overloaded machine).
 */
const REPEAT_AFTER_MS = [5, 100, 500] as const
/** An engine that is stopped accepts connections and never responds. */
const LIMIT_MS = 10_000

export interface EngineAbort extends PendingAbort {
  /** The engine may not have read the request yet. */
  readonly maybeUnread: boolean
  /** Called once if the engine takes no such abort, so that it goes on with the request. */
  readonly onRefused?: (() => void) | undefined
}

/** The part of `Upstreams` that aborts need. */
interface AbortUpstreams {
  to(url: string): {
    send(request: UpstreamRequestOptions, handler: ResponseHandler): Pick<RequestHandle, 'abort'>
  }
}

interface AbortOptions {
  readonly config: { readonly engines: Pick<Config['engines'], 'adminApiKey'> }
  readonly log: Pick<Logger, 'warn'>
}

export class EngineAborts {
  readonly #upstreams: AbortUpstreams
  readonly #options: AbortOptions
  readonly #timers = new Set<NodeJS.Timeout>()
  /** URLs of the engines whose latest abort was refused. */
  readonly #refusing = new Set<string>()

  constructor(upstreams: AbortUpstreams, options: AbortOptions) {
    this.#upstreams = upstreams
    this.#options = options
  }

  /** Sends the abort, and again if the engine may not have read the request yet and has not refused the abort. */
  send(abort: EngineAbort): void {
    let isRefused = false
    const onRefused = (): void => {
      if (!isRefused) abort.onRefused?.()
      isRefused = true
    }
    this.#send(abort, onRefused)
    if (!abort.maybeUnread) return
    for (const ms of REPEAT_AFTER_MS)
      this.#later(ms, () => {
        if (!isRefused) this.#send(abort, onRefused)
      })
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

  #send({ url, apiKey, headers, rid }: EngineAbort, onRefused: () => void): void {
    const body = Buffer.from(JSON.stringify({ rid, abort_all: false }))
    const keyed = withKey(headers, this.#options.config.engines.adminApiKey ?? apiKey)
    const call = { method: 'POST', path: '/abort_request', headers: keyed, body } as const
    let timer: NodeJS.Timeout | undefined
    let isDone = false
    const end = (): void => {
      isDone = true
      clearTimeout(timer)
      if (timer !== undefined) this.#timers.delete(timer)
    }
    const onHead = (status: number): void => {
      if (this.#isRefused(url, status)) onRefused()
    }
    // The engine may be the very one that has died, so no error of an abort matters.
    const handle = this.#upstreams.to(url).send(call, { onHead, onData() {}, onEnd: end, onError: end })
    if (!isDone) timer = this.#later(LIMIT_MS, () => handle.abort())
  }

  /** A missing key is reported once, until the engine takes an abort again. */
  #isRefused(url: string, status: number): boolean {
    if (status < 400 || status >= 500) {
      this.#refusing.delete(url)
      return false
    }
    if ((status === 401 || status === 403) && !this.#refusing.has(url)) {
      this.#refusing.add(url)
      const what =
        'An engine refuses aborts for lack of a key, and computes what no client waits for until it notices that: ' +
        'set engines.adminApiKey to its --admin-api-key or, if it has none, engines.apiKey to its --api-key'
      this.#options.log.warn({ engine: url, status }, what)
    }
    return true
  }
}
