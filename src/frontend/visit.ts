/** A request between its head and its exchange. */
import type { Ticket } from './admission-queue.ts'
import type { Exchange } from './exchange.ts'
import type { Intake } from './intake.ts'
import type { Route } from './routes.ts'
import type { UwsResponse } from './uws.ts'

export type ExchangeRoute = Extract<Route, { kind: 'exchange' }>

export interface Visit {
  readonly res: UwsResponse
  readonly intake: Intake
  readonly route: ExchangeRoute
  readonly sinceMs: number
  body: Uint8Array
  /** It has its answer, or its client is gone. */
  isOver: boolean
  exchange: Exchange | undefined
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
