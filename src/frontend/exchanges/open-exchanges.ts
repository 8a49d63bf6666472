/**
 * The exchanges that router threads work on: opened, found by the ids of their rows, saved when their thread dies.
 *
 * When a request may be opened, and what its end makes room for, is for `visits.ts`.
 */
import type { Config } from '../../config/config.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import type { GatewayError } from '../../core/errors.ts'
import { StallSweep } from '../../core/stall-detector.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import { type Batch, decodeBatch, type RowSink } from '../../messages/codec.ts'
import { ExchangeIds, ExchangeTable } from '../../messages/exchange-ids.ts'
import type { FlatHeaders } from '../../messages/types.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import type { Intake } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { Closing } from '../response/drain-state.ts'
import type { UwsResponse } from '../uws/uws.ts'
import { Exchange } from './exchange.ts'
import { Unassigned } from './reassignment.ts'

/** A request whose body is complete and that has been admitted. */
export interface AdmittedRequest {
  readonly res: UwsResponse
  readonly intake: Intake
  readonly route: ExchangeRoute
  /** The whole body; kept until the response begins. */
  readonly body: Uint8Array
  /** When the request head was received, on the monotonic clock. */
  readonly sinceMs: number
}

export interface OpenExchangesOptions {
  readonly config: Pick<Config, 'limits'>
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  readonly closing: Closing
  readonly log: Logger
  readonly recorder: Recorder
  /** An exchange is over; `hasPlace` as given to `open`. */
  readonly onOver: (hasPlace: boolean) => void
}

export class OpenExchanges {
  readonly #options: OpenExchangesOptions
  readonly #ids = new ExchangeIds()
  readonly #exchanges = new ExchangeTable<Exchange>()
  readonly #unassigned: Unassigned
  readonly #touched: Exchange[] = []
  readonly #stalledClients: StallSweep<Exchange>

  constructor(options: OpenExchangesOptions) {
    this.#options = options
    const { reopens, clientStallMs } = options.config.limits
    this.#unassigned = new Unassigned({ assign: options.assign, maxReopens: reopens, nowMs: monotonicNowMs })
    this.#stalledClients = new StallSweep(clientStallMs, exchange => this.#cut(exchange), monotonicNowMs)
  }

  /** `hasPlace`: of those that requests for tokens need. */
  open({ res, intake, route, body, sinceMs }: AdmittedRequest, hasPlace: boolean): Exchange {
    const id = this.#ids.take()
    const request = {
      kind: 'open',
      id,
      endpoint: route.endpoint,
      method: intake.method === 'GET' ? 'GET' : 'POST',
      query: intake.query,
      headers: intake.headers,
      creditBytes: this.#options.config.limits.relayBytesPerStream,
      ageMs: 0,
      body,
    } as const
    const exchange = new Exchange({
      res,
      request,
      requestId: intake.requestId,
      sinceMs,
      closing: this.#options.closing,
      stalls: this.#stalledClients,
      onOver: () => this.#over(id, hasPlace),
    })
    this.#exchanges.add(id, exchange)
    this.#count()
    this.#unassigned.place(exchange)
    return exchange
  }

  /** Rows of a router thread, for their clients. Rows of exchanges that are over are dropped. */
  receive(batch: Batch): void {
    decodeBatch(batch, this.#sink)
    const touched = this.#touched
    for (let at = 0; at < touched.length; at++) touched[at]?.write()
    touched.length = 0
  }

  /** The thread is gone: its exchanges go to another one, or end with an error where the client has had a byte. */
  threadLost(channel: ThreadChannel, wasOrdered: boolean): void {
    const lost = this.#exchanges.all().filter(exchange => exchange.channel === channel)
    const saved = this.#unassigned.rescue(lost, wasOrdered)
    const failed = lost.length - saved
    const { recorder, log } = this.#options
    recorder.count('pdgw_frontend_lost_exchanges_total', 'saved', saved)
    recorder.count('pdgw_frontend_lost_exchanges_total', 'failed', failed)
    if (lost.length > 0) log.warn({ saved, failed }, 'exchanges of a lost thread')
  }

  /** One more thread takes requests. */
  threadReady(): void {
    this.#unassigned.threadReady()
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
    this.#unassigned.close()
    this.#stalledClients.close()
  }

  readonly #sink: Partial<RowSink> = {
    onHead: (id, status, headers) => this.#touch(id)?.takeHead(status, headers),
    onChunk: (id, bytes) => this.#touch(id)?.takeChunk(bytes),
    onEnd: id => this.#touch(id)?.takeEnd(),
    onAnswer: (id, answer) => this.#touch(id)?.takeAnswer(answer),
  }

  #touch(id: number): Exchange | undefined {
    const exchange = this.#exchanges.find(id)
    if (exchange !== undefined && !exchange.isTouched) {
      exchange.isTouched = true
      this.#touched.push(exchange)
    }
    return exchange
  }

  #over(id: number, hasPlace: boolean): void {
    this.#exchanges.delete(id)
    this.#ids.giveBack(id)
    this.#count()
    this.#options.onOver(hasPlace)
  }

  #cut(exchange: Exchange): void {
    this.#options.recorder.count('pdgw_frontend_stalled_clients_total')
    exchange.cut()
  }

  #count(): void {
    this.#options.recorder.set('pdgw_frontend_open_exchanges', this.#exchanges.size)
  }
}
