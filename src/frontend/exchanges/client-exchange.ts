/**
 * One client request across router threads: sent to a thread, sent to another one if that thread dies, aborted when the
 * client leaves. What its client receives is written by `client-response.ts`.
 *
 *   assigned ──thread lost──▶ unassigned ──▶ assigned (`reassignment.ts`)
 *   assigned ──head or whole response──▶ started (cannot be assigned again) ──▶ done
 *   any ──client gone, given up──▶ done
 *
 * The request is kept until its response starts, because until then another thread can take it.
 */
import type { GatewayError } from '../../core/errors.ts'
import type { StallDetector } from '../../core/stall-detector.ts'
import { errorDialectOf } from '../../error-response/error-dialect.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import { CreditGrants } from '../../messages/credit.ts'
import type { FlatHeaders, OpenMessage, WholeResponse } from '../../messages/types.ts'
import { ClientResponse, type ResponseObserver } from '../response/client-response.ts'
import type { DrainState } from '../response/drain-state.ts'
import type { UwsResponse } from '../uws/uws.ts'

export interface ClientExchangeOptions {
  readonly res: UwsResponse
  readonly request: OpenMessage
  readonly requestId: string
  /** When the request head was received, on the clock used for `assignTo`. */
  readonly receivedMs: number
  readonly drainState: DrainState
  readonly stalls: Pick<StallDetector<ClientResponse>, 'watch' | 'forget'>
  /** Called once. `isGood`: `ClientResponse.isGood`. */
  readonly onDone: (isGood: boolean) => void
}

export class ClientExchange implements ResponseObserver {
  readonly #id: number
  /** Rows of the router thread go here; a head or a whole response goes to the exchange first. */
  readonly response: ClientResponse
  readonly #credit: CreditGrants
  readonly #headers: FlatHeaders
  readonly #receivedMs: number
  readonly #reportDone: (isGood: boolean) => void
  /** `undefined` once the response has started. */
  #request: OpenMessage | undefined
  #channel: ThreadChannel | undefined
  #assignments = 0
  /** Whether the client's response needs nothing more from the thread. */
  #hasWholeResponse = false

  constructor({ request, receivedMs, onDone, ...options }: ClientExchangeOptions) {
    this.#id = request.id
    const errorDialect = errorDialectOf(request.endpoint)
    this.response = new ClientResponse({ ...options, errorDialect, observer: this })
    this.#credit = new CreditGrants(request.creditBytes)
    this.#headers = request.headers
    this.#receivedMs = receivedMs
    this.#reportDone = onDone
    this.#request = request
  }

  /** The thread that works on the request; `undefined` while it has none. */
  get channel(): ThreadChannel | undefined {
    return this.#channel
  }

  /** When the request head was received, on the clock used for `assignTo`. */
  get receivedMs(): number {
    return this.#receivedMs
  }

  get isDone(): boolean {
    return this.response.isDone
  }

  /** How often the request was given to a thread whose death it may have caused. */
  get assignments(): number {
    return this.#assignments
  }

  /** Headers of the client's request, as engines receive them. */
  get headers(): FlatHeaders {
    return this.#headers
  }

  /** Whether the response has not started, so that another thread can take the request. */
  get isUnstarted(): boolean {
    return this.#request !== undefined
  }

  /** Sends the request to a thread: the first one, or another after that one was lost. */
  assignTo(channel: ThreadChannel, nowMs: number): void {
    if (this.#request === undefined) throw new TypeError('A started exchange cannot be assigned again')
    this.#leaveThread()
    this.#channel = channel
    this.#assignments++
    channel.openExchanges++
    const ageMs = Math.trunc(nowMs - this.#receivedMs)
    channel.sender.open(ageMs === 0 ? this.#request : { ...this.#request, ageMs })
  }

  /** The thread was ended on purpose, so the last assignment says nothing about the request. */
  discountAssignment(): void {
    this.#assignments--
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.#request = undefined
    this.response.onHead(status, headers)
  }

  onResponse(response: WholeResponse): void {
    this.#request = undefined
    this.#hasWholeResponse = true
    this.response.onResponse(response)
  }

  /** The connection is closed; uWebSockets.js must not be called for it again. */
  onClientGone(): void {
    if (this.isDone) return
    this.#abort()
    this.response.finish()
  }

  /** Aborts the request on its thread and ends the response with the error. */
  giveUp(error: GatewayError): void {
    if (this.isDone) return
    this.#abort()
    this.fail(error)
  }

  /** Ends the response with the error; the thread sends nothing more. */
  fail(error: GatewayError): void {
    if (this.#request !== undefined) this.#hasWholeResponse = true
    this.#request = undefined
    this.response.fail(error)
  }

  onTaken(bytes: number): void {
    const creditBytes = this.#credit.take(bytes)
    if (creditBytes > 0) this.#channel?.sender.credit(this.#id, creditBytes)
  }

  onDone(): void {
    this.#request = undefined
    this.#leaveThread()
    this.#reportDone(this.response.isGood)
  }

  #abort(): void {
    if (!this.#hasWholeResponse) this.#channel?.sender.abort(this.#id)
  }

  #leaveThread(): void {
    if (this.#channel !== undefined) this.#channel.openExchanges--
    this.#channel = undefined
  }
}
