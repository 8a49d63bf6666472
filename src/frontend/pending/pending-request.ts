/** A request between its head and its exchange. */
import type { Ticket } from '../admission/queue.ts'
import type { Intake } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'

/** The exchange of a request that a router thread works on, as far as its pending request needs it. */
export interface StartedExchange {
  clientGone(): void
}

export interface Visit {
  readonly res: UwsResponse
  readonly intake: Intake
  readonly route: ExchangeRoute
  readonly sinceMs: number
  body: Uint8Array
  /** It has its answer, or its client is gone. */
  isOver: boolean
  exchange: StartedExchange | undefined
  /** While it waits for its turn. */
  ticket: Ticket<Visit> | undefined
  /** While it waits: ends the wait when the request has named a deadline of its own. */
  deadline: NodeJS.Timeout | undefined
}

export const NO_BODY = new Uint8Array(0)

export function newVisit(res: UwsResponse, intake: Intake, route: ExchangeRoute, sinceMs: number): Visit {
  return {
    res,
    intake,
    route,
    sinceMs,
    body: route.name === undefined ? NO_BODY : Buffer.from(route.name),
    isOver: false,
    exchange: undefined,
    ticket: undefined,
    deadline: undefined,
  }
}
