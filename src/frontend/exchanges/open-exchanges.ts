/**
 * The exchanges that router threads work on: opened, found by the ids of their rows, saved when their thread dies.
 *
 * When a request may be opened, and what its end makes room for, is for `visits.ts`.
 */
import type { Config } from '../../config/config.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import type { GatewayError } from '../../core/errors.ts'
import { StallDetector } from '../../core/stall-detector.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import { type Batch, decodeBatch } from '../../messages/codec.ts'
import { ExchangeIds, ExchangeTable } from '../../messages/exchange-ids.ts'
import type { FlatHeaders, RowHandler } from '../../messages/types.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import type { RequestHead } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { DrainState } from '../response/drain-state.ts'
import type { UwsResponse } from '../uws/uws.ts'
import { ClientExchange } from './client-exchange.ts'
import { Reassignment } from './reassignment.ts'

/** A request whose body is complete and that has been admitted. */
export interface AdmittedRequest {
  readonly res: UwsResponse
  readonly head: RequestHead
  readonly route: ExchangeRoute
  /** The whole body; kept until the response begins. */
  readonly body: Uint8Array
  /** When the request head was received, on the monotonic clock. */
  readonly receivedMs: number
}

export interface OpenExchangesOptions {
  readonly config: Pick<Config, 'limits'>
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  readonly drainState: DrainState
  readonly log: Logger
  readonly recorder: Recorder
  /** An exchange is over; `hasPlace` as given to `open`. */
  readonly onDone: (holdsPermit: boolean) => void
}

export class OpenExchanges {
  readonly #options: OpenExchangesOptions
  readonly #ids = new ExchangeIds()
  readonly #exchanges = new ExchangeTable<ClientExchange>()
  readonly #reassignment: Reassignment
  readonly #changed: ClientExchange[] = []
  readonly #stallDetector: StallDetector<ClientExchange>

  constructor(options: OpenExchangesOptions) {
    this.#options = options
    const { threadLossRetries, clientStallMs } = options.config.limits
    this.#reassignment = new Reassignment({
      assign: options.assign,
      threadLossRetries: threadLossRetries,
      nowMs: monotonicNowMs,
    })
    this.#stallDetector = new StallDetector(clientStallMs, exchange => this.#cut(exchange), monotonicNowMs)
  }

  /** `hasPlace`: of those that requests for tokens need. */
  open({ res, head, route, body, receivedMs }: AdmittedRequest, holdsPermit: boolean): ClientExchange {
    const id = this.#ids.take()
    const request = {
      id,
      endpoint: route.endpoint,
      method: head.method === 'GET' ? 'GET' : 'POST',
      query: head.query,
      headers: head.headers,
      creditBytes: this.#options.config.limits.relayBytesPerStream,
      ageMs: 0,
      body,
    } as const
    const exchange = new ClientExchange({
      res,
      request,
      requestId: head.requestId,
      receivedMs,
      drainState: this.#options.drainState,
      stalls: this.#stallDetector,
      onDone: () => this.#finish(id, holdsPermit),
    })
    this.#exchanges.add(id, exchange)
    this.#count()
    this.#reassignment.place(exchange)
    return exchange
  }

  /** Rows of a router thread, for their clients. Rows of exchanges that are over are dropped. */
  receive(batch: Batch): void {
    decodeBatch(batch, this.#sink)
    const changed = this.#changed
    for (let at = 0; at < changed.length; at++) changed[at]?.write()
    changed.length = 0
  }

  /** The thread is gone: its exchanges go to another one, or end with an error where the client has had a byte. */
  threadLost(channel: ThreadChannel, wasOrdered: boolean): void {
    const lost = this.#exchanges.all().filter(exchange => exchange.channel === channel)
    const saved = this.#reassignment.rescue(lost, wasOrdered)
    const failed = lost.length - saved
    const { recorder, log } = this.#options
    recorder.count('pdgw_frontend_lost_exchanges_total', 'saved', saved)
    recorder.count('pdgw_frontend_lost_exchanges_total', 'failed', failed)
    if (lost.length > 0) log.warn({ saved, failed }, 'exchanges of a lost thread')
  }

  /** One more thread takes requests. */
  threadReady(): void {
    this.#reassignment.threadReady()
  }

  /** Headers of the request with this id, while it is open. */
  headersOf(exchangeId: number): FlatHeaders {
    return this.#exchanges.find(exchangeId)?.headers ?? []
  }

  /** Every exchange is aborted, and ends with the error. */
  endAll(error: GatewayError): void {
    for (const exchange of this.#exchanges.all()) exchange.giveUp(error)
  }

  close(): void {
    this.#reassignment.close()
    this.#stallDetector.close()
  }

  readonly #sink: Partial<RowHandler> = {
    onHead: (id, status, headers) => this.#touch(id)?.onHead(status, headers),
    onData: (id, bytes) => this.#touch(id)?.onData(bytes),
    onEnd: id => this.#touch(id)?.onEnd(),
    onResponse: (id, answer) => this.#touch(id)?.onResponse(answer),
  }

  #touch(id: number): ClientExchange | undefined {
    const exchange = this.#exchanges.find(id)
    if (exchange !== undefined && !exchange.hasRows) {
      exchange.hasRows = true
      this.#changed.push(exchange)
    }
    return exchange
  }

  #finish(id: number, holdsPermit: boolean): void {
    this.#exchanges.delete(id)
    this.#ids.giveBack(id)
    this.#count()
    this.#options.onDone(holdsPermit)
  }

  #cut(exchange: ClientExchange): void {
    this.#options.recorder.count('pdgw_frontend_stalled_clients_total')
    exchange.cut()
  }

  #count(): void {
    this.#options.recorder.set('pdgw_frontend_open_exchanges', this.#exchanges.size)
  }
}
