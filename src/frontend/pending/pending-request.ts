/** A request between its head and its exchange. */
import type { Ticket } from '../admission/queue.ts'
import type { Upload } from '../intake/body-reader.ts'
import type { RequestHead } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'

/** The exchange of a request that has been started, as far as its pending request needs it. */
export interface StartedExchange {
  onClientGone(): void
}

export interface PendingRequest {
  readonly res: UwsResponse
  readonly head: RequestHead
  readonly route: ExchangeRoute
  /** When the request head was received, on the monotonic clock. */
  readonly receivedMs: number
  body: Uint8Array
  /** Bytes of the body that count as held. */
  heldBytes: number
  /** Set while the body is being read. */
  upload: Upload | undefined
  /** Set while the request waits in the admission queue. */
  ticket: Ticket<PendingRequest> | undefined
  /** Set while the request waits, if the client has set a deadline of its own. */
  deadline: NodeJS.Timeout | undefined
  /** Whether admission counts the request as running; the permit is returned when its exchange ends. */
  holdsPermit: boolean
  /** What the client has aborted while the request waited: all of it, or prompts by their rids. */
  aborted: 'all' | readonly string[]
  exchange: StartedExchange | undefined
  /** The JSON of its client's name for it, empty if there is none; `undefined` before a search for it. See `rid-text.ts`. */
  ridText: Uint8Array | undefined
  /** Whether the request was refused, or its client left, before it had an exchange. */
  isDone: boolean
}

export const NO_BODY = new Uint8Array(0)
const NO_RIDS: readonly string[] = []

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
    heldBytes: 0,
    upload: undefined,
    ticket: undefined,
    deadline: undefined,
    holdsPermit: false,
    aborted: NO_RIDS,
    exchange: undefined,
    ridText: undefined,
    isDone: false,
  }
}
