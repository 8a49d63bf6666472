/** Assigns the rows that a router thread receives to its open exchanges. What an exchange does is not decided here. */

import { type AbortOrder, readAbortOrder } from '../src/core/abort-order.ts'
import { isGeneration } from '../src/core/endpoint.ts'
import type { LostEngine } from '../src/core/engine.ts'
import { GatewayError } from '../src/core/errors.ts'
import { errorDialectOf } from '../src/error-response/error-dialect.ts'
import { toErrorResponse } from '../src/error-response/error-response.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import { ExchangeTable } from '../src/messages/exchange-ids.ts'
import type { OpenMessage, RowHandler, WholeResponse } from '../src/messages/types.ts'
import { AbortByRid } from './abort-by-rid.ts'
import type { CollectedResponses } from './attempt/collected-responses.ts'
import { type FleetEndpoint, type FleetRequest, handleFleetRequest } from './engine-api/fleet-request.ts'
import { asGatewayError } from './internal-error.ts'
import { RecentAborts } from './recent-aborts.ts'
import { jsonResponse } from './response-sender.ts'
import { RoutedRequest, type RoutedRequestDependencies } from './routed-request.ts'

const NO_BYTES = new Uint8Array(0)
/** Characters of a log line. */
const CAUSE_LIMIT = 2000

interface OpenExchange {
  abort(): void
  grant?(bytes: number): void
  requestAbort?(rid: string | undefined): void
  giveUpOn?(lost: LostEngine): void
  fail?(error: GatewayError): void
}

interface RouterLoopOwn {
  readonly collected: Pick<CollectedResponses, 'end'>
}

export type RouterLoopDependencies = RoutedRequestDependencies & FleetRequest['context'] & RouterLoopOwn

export class RouterLoop implements Pick<RowHandler, 'onOpen' | 'onAbort' | 'onCredit'> {
  readonly #sender: BatchSender
  readonly #dependencies: RouterLoopDependencies
  readonly #open = new ExchangeTable<OpenExchange>()
  readonly #abortByRid = new AbortByRid(order => this.#abortMatching(order))
  readonly #recentAborts: RecentAborts

  constructor(sender: BatchSender, dependencies: RouterLoopDependencies) {
    this.#sender = sender
    this.#dependencies = dependencies
    const { config, nowMs } = dependencies
    this.#recentAborts = new RecentAborts(config.admission.queueTimeoutSecs * 1000, nowMs)
  }

  onOpen(message: OpenMessage): void {
    const { id, endpoint } = message
    if (endpoint === 'abort-request') return this.#onAbortRequest(message)
    if (!isGeneration(endpoint)) return this.#askFleet(endpoint, message)
    const exchange = new RoutedRequest(message, this.#sender, this.#dependencies, () => {
      this.#open.delete(id)
      this.#dependencies.collected.end(id)
    })
    this.#open.add(id, exchange)
    exchange.start(endpoint, message, this.#recentAborts.after(this.#dependencies.nowMs() - message.ageMs))
  }

  onAbort(id: number): void {
    this.#open.find(id)?.abort()
    this.#open.delete(id)
  }

  onCredit(id: number, bytes: number): void {
    this.#open.find(id)?.grant?.(bytes)
  }

  /** Attempts that have sent their client nothing yet do not wait for the engine any longer. */
  giveUpOn(lost: LostEngine): void {
    for (const exchange of this.#open.all()) exchange.giveUpOn?.(lost)
  }

  /** Ends the exchange, because responses take too much memory and it holds most of them. */
  giveUpForMemory(id: number): void {
    this.#open
      .find(id)
      ?.fail?.(
        new GatewayError(
          'memory-pressure',
          'Too many bytes of responses are held (limits.collectedResponseBytes), most of them for this request',
          { retryAfterMs: 1000 },
        ),
      )
  }

  close(): void {
    this.#abortByRid.close()
    for (const exchange of this.#open.all()) exchange.abort()
  }

  #askFleet(endpoint: FleetEndpoint, message: OpenMessage): void {
    const controller = new AbortController()
    const { id } = message
    this.#open.add(id, { abort: () => controller.abort() })
    const respond = (response: WholeResponse): void => {
      if (!controller.signal.aborted) this.#sender.response(id, response)
    }
    handleFleetRequest(endpoint, { message, context: this.#dependencies, signal: controller.signal })
      .then(
        ({ status, body }) => respond(jsonResponse(status, body)),
        (error: unknown) =>
          respond(toErrorResponse(this.#reported(error, endpoint), errorDialectOf(endpoint))),
      )
      .finally(() => this.#open.delete(id))
  }

  /** What an error says of engines' addresses is for the log alone. */
  #reported(error: unknown, endpoint: FleetEndpoint): GatewayError {
    const { log } = this.#dependencies
    const known = asGatewayError(error, log)
    if (typeof known.cause === 'string')
      log.warn({ endpoint, error: known.cause.slice(0, CAUSE_LIMIT) }, 'no engine responded')
    return known
  }

  /** Responds with 200 and no body whether the rid is known or not, as engines do (SGLang 2026-07, 0.5.23). */
  #onAbortRequest({ id, body }: OpenMessage): void {
    const order = readAbortOrder(body)
    if (order === undefined) {
      const message =
        'The request body must be a JSON object with "rid" (a string) or "abort_all" (true or false)'
      return this.#sender.response(id, toErrorResponse(new GatewayError('invalid-json', message)))
    }
    if (order !== 'nothing') this.#abortByRid.send(order)
    this.#sender.response(id, { status: 200, headers: [], body: NO_BYTES })
  }

  /** Aborts all exchanges if the order names no rid. */
  #abortMatching({ rid }: AbortOrder): void {
    if (rid !== undefined) this.#recentAborts.add(rid)
    for (const exchange of this.#open.all()) exchange.requestAbort?.(rid)
  }
}
