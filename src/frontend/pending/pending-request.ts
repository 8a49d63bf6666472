/** A request between its head and its exchange. */
import type { Ticket } from '../admission/queue.ts'
import type { RequestHead } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'

/** The exchange of a request that a router thread works on, as far as its pending request needs it. */
export interface StartedExchange {
  onClientGone(): void
}

export interface PendingRequest {
  readonly res: UwsResponse
  readonly head: RequestHead
  readonly route: ExchangeRoute
  readonly receivedMs: number
  body: Uint8Array
  /** It has its answer, or its client is gone. */
  isDone: boolean
  exchange: StartedExchange | undefined
  /** While it waits for its turn. */
  ticket: Ticket<PendingRequest> | undefined
  /** While it waits: ends the wait when the request has named a deadline of its own. */
  deadline: NodeJS.Timeout | undefined
}

export const NO_BODY = new Uint8Array(0)

export function newPendingRequest(
  res: UwsResponse,
  head: RequestHead,
  route: ExchangeRoute,
  receivedMs: number,
): PendingRequest {
  return {
    res,
    head,
    route,
    receivedMs,
    body: route.name === undefined ? NO_BODY : Buffer.from(route.name),
    isDone: false,
    exchange: undefined,
    ticket: undefined,
    deadline: undefined,
  }
}
