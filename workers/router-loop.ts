/** The life of a router thread: rows in, exchanges open by id, rows out. Knows nothing of what an exchange does. */

import { type AbortOrder, readAbortOrder } from '../src/core/abort-order.ts'
import { isGeneration } from '../src/core/endpoint.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import { ExchangeTable } from '../src/messages/exchange-ids.ts'
import type { OpenMessage, RowHandler } from '../src/messages/types.ts'
import { AbortByRid } from './abort-by-rid.ts'
import { type FleetEndpoint, handleFleetRequest } from './engine-api/fleet-request.ts'
import { asGatewayError } from './internal-error.ts'
import { ResponseSender } from './response-sender.ts'
import type { RouterContext } from './retry/router-context.ts'
import { RoutedRequest } from './routed-request.ts'

interface Open {
  abort(): void
  grant?(bytes: number): void
  requestAbort?(): void
  readonly clientRids?: readonly string[]
}

export class RouterLoop implements Pick<RowHandler, 'onOpen' | 'onAbort' | 'onCredit'> {
  readonly #sender: BatchSender
  readonly #context: RouterContext
  readonly #open = new ExchangeTable<Open>()
  readonly #abortByRid = new AbortByRid(order => this.#abortNamed(order))

  constructor(sender: BatchSender, context: RouterContext) {
    this.#sender = sender
    this.#context = context
  }

  onOpen(message: OpenMessage): void {
    const { id, endpoint } = message
    const reply = new ResponseSender(id, this.#sender)
    if (endpoint === 'abort-request') return this.#orderAbort(message, reply)
    if (!isGeneration(endpoint)) return this.#askFleet(endpoint, message, reply)
    const exchange = new RoutedRequest(message, reply, this.#context, () => this.#open.delete(id))
    this.#open.add(id, exchange)
    exchange.start(endpoint, message)
  }

  onAbort(id: number): void {
    this.#open.find(id)?.abort()
    this.#open.delete(id)
  }

  onCredit(id: number, bytes: number): void {
    this.#open.find(id)?.grant?.(bytes)
  }

  close(): void {
    this.#abortByRid.close()
    for (const exchange of this.#open.all()) exchange.abort()
  }

  #askFleet(endpoint: FleetEndpoint, message: OpenMessage, reply: ResponseSender): void {
    const controller = new AbortController()
    const { id } = message
    this.#open.add(id, { abort: () => controller.abort() })
    handleFleetRequest(endpoint, { message, context: this.#context, signal: controller.signal })
      .then(
        ({ status, body }) => controller.signal.aborted || reply.json(status, body),
        (error: unknown) =>
          controller.signal.aborted || reply.error(asGatewayError(error, this.#context.log)),
      )
      .finally(() => this.#open.delete(id))
  }

  /** Engines answer 200 without a body whether they know the rid or not: so do we. */
  #orderAbort({ body }: OpenMessage, reply: ResponseSender): void {
    const order = readAbortOrder(body)
    if (order === undefined) {
      return reply.error(
        new GatewayError('invalid-json', 'The body must be a JSON object with "rid" or "abort_all".'),
      )
    }
    if (order !== 'nothing') this.#abortByRid.send(order)
    reply.answer(200, [], new Uint8Array(0))
  }

  #abortNamed({ rid }: AbortOrder): void {
    for (const exchange of this.#open.all()) {
      if (rid === undefined || exchange.clientRids?.includes(rid)) exchange.requestAbort?.()
    }
  }
}
