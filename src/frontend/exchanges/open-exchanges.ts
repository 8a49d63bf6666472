/**
 * The exchanges that router threads work on: opened, found by the ids of their rows, rescued when their thread dies.
 *
 * `pending-requests.ts` decides when a request may be opened, and what its end makes room for.
 */

import type { Config } from '../../config/config.ts'
import { availableMemoryBytes } from '../../core/available-memory.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import { type Batch, decodeBatch } from '../../messages/codec.ts'
import { ExchangeIds, ExchangeTable } from '../../messages/exchange-ids.ts'
import type { FlatHeaders, OpenMessage, RowHandler } from '../../messages/types.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import type { RequestHead } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { ClientResponse } from '../response/client-response.ts'
import type { DrainState } from '../response/drain-state.ts'
import type { UwsResponse } from '../uws/uws.ts'
import { ClientExchange } from './client-exchange.ts'
import { Reassignment } from './reassignment.ts'
import { SlowReaders } from './slow-readers.ts'

/** A request whose body is complete and that has been admitted. */
export interface AdmittedRequest {
  readonly res: UwsResponse
  readonly head: RequestHead
  readonly route: ExchangeRoute
  /** The whole body; kept until the response starts. */
  readonly body: Uint8Array
  /** When the request head was received, on the monotonic clock. */
  readonly receivedMs: number
  /** What the client has aborted while the request waited: all of it, or prompts by their rids. */
  readonly aborted: 'all' | readonly string[]
}

export interface OpenExchangesOptions<Request extends AdmittedRequest> {
  readonly config: Pick<Config, 'limits'>
  /** The thread for the next request; `undefined` when none runs. */
  readonly assign: () => ThreadChannel | undefined
  readonly drainState: DrainState
  readonly log: Logger
  readonly recorder: Recorder
  /** The exchange of a request given to `open` has ended. `isGood`: `ClientResponse.isGood`. */
  readonly onDone: (request: Request, isGood: boolean) => void
}

/** Share of the memory that responses may take by default while their clients do not read them. */
const DEFAULT_HELD_SHARE = 1 / 8

export class OpenExchanges<Request extends AdmittedRequest> {
  readonly #options: OpenExchangesOptions<Request>
  readonly #ids = new ExchangeIds()
  readonly #exchanges = new ExchangeTable<ClientExchange>()
  readonly #reassignment: Reassignment
  /** Responses that have rows in the current batch. */
  readonly #changed: ClientResponse[] = []
  readonly #slowReaders: SlowReaders<ClientResponse>

  constructor(options: OpenExchangesOptions<Request>) {
    this.#options = options
    const { threadLossRetries, clientStallMs, heldResponseBytes, relayBytesPerStream } = options.config.limits
    this.#reassignment = new Reassignment({
      assign: options.assign,
      threadLossRetries,
      nowMs: monotonicNowMs,
    })
    this.#slowReaders = new SlowReaders({
      stallMs: clientStallMs,
      limitBytes: heldResponseBytes || Math.floor(availableMemoryBytes() * DEFAULT_HELD_SHARE),
      bytesPerStream: relayBytesPerStream,
      cut: response => this.#cut(response),
      nowMs: monotonicNowMs,
    })
  }

  /** Sends the request to a router thread, now or as soon as one runs. */
  open(request: Request): ClientExchange {
    const id = this.#ids.take()
    const exchange = new ClientExchange({
      res: request.res,
      request: this.#messageOf(id, request),
      requestId: request.head.requestId,
      receivedMs: request.receivedMs,
      drainState: this.#options.drainState,
      stalls: this.#slowReaders,
      onDone: isGood => this.#finish(id, request, isGood),
    })
    this.#exchanges.add(id, exchange)
    this.#count()
    this.#reassignment.assign(exchange)
    return exchange
  }

  /** Writes the rows of a router thread to their clients. Rows of exchanges that have ended are dropped. */
  receive(batch: Batch): void {
    decodeBatch(batch, this.#sink)
    const changed = this.#changed
    for (let index = 0; index < changed.length; index++) changed[index]?.write()
    changed.length = 0
  }

  /**
   * The thread has died: its exchanges go to another thread, or end with an error if their response has started.
   * `wasOrdered` means that it was ended on purpose, so that no request can have killed it.
   */
  threadLost(channel: ThreadChannel, wasOrdered: boolean): void {
    const lost = this.#exchanges.all().filter(exchange => exchange.channel === channel)
    const saved = this.#reassignment.rescue(lost, wasOrdered)
    const failed = lost.length - saved
    const { recorder, log } = this.#options
    recorder.count('pdgw_frontend_lost_exchanges_total', 'saved', saved)
    recorder.count('pdgw_frontend_lost_exchanges_total', 'failed', failed)
    if (lost.length > 0) log.warn({ saved, failed }, 'exchanges of a lost router thread reassigned or failed')
  }

  /** A thread has started to take requests. */
  threadReady(): void {
    this.#reassignment.threadReady()
  }

  /** Headers of the request with this id; empty when its exchange has ended. */
  headersOf(exchangeId: number): FlatHeaders {
    return this.#exchanges.find(exchangeId)?.headers ?? []
  }

  /** Aborts every exchange and ends its response with the error. */
  endAll(error: GatewayError): void {
    for (const exchange of this.#exchanges.all()) exchange.giveUp(error)
  }

  close(): void {
    this.#reassignment.close()
    this.#slowReaders.close()
  }

  readonly #sink: Partial<RowHandler> = {
    onHead: (id, status, headers) => this.#receiving(id)?.onHead(status, headers),
    onData: (id, bytes) => this.#receiving(id)?.response.onData(bytes),
    onEnd: id => this.#receiving(id)?.response.onEnd(),
    onBroken: (id, lastEvent) => this.#receiving(id)?.response.onBroken(lastEvent),
    onResponse: (id, response) => this.#receiving(id)?.onResponse(response),
  }

  #receiving(id: number): ClientExchange | undefined {
    const exchange = this.#exchanges.find(id)
    if (exchange === undefined) return undefined
    const { response } = exchange
    if (!response.hasRows) {
      response.hasRows = true
      this.#changed.push(response)
    }
    return exchange
  }

  #messageOf(id: number, { head, route, body, aborted }: AdmittedRequest): OpenMessage {
    return {
      id,
      endpoint: route.endpoint,
      method: head.method === 'GET' ? 'GET' : 'POST',
      query: head.query,
      headers: head.headers,
      creditBytes: this.#options.config.limits.relayBytesPerStream,
      ageMs: 0,
      aborted,
      body,
    }
  }

  #finish(id: number, request: Request, isGood: boolean): void {
    this.#exchanges.delete(id)
    this.#ids.giveBack(id)
    this.#count()
    this.#options.onDone(request, isGood)
  }

  #cut(response: ClientResponse): void {
    this.#options.recorder.count('pdgw_frontend_stalled_clients_total')
    response.cut()
  }

  #count(): void {
    this.#options.recorder.set('pdgw_frontend_open_exchanges', this.#exchanges.size)
  }
}
