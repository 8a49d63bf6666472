/**
 * Aborts of requests that wait in the admission queue, where no router thread knows them. Of each body the client's name
 * for the request is found once, when the first abort comes, and remembered.
 *
 * Many large bodies may wait, and an order may abort them all: the work is done in bounded parts, one in each turn of the
 * event loop, for many orders at once. A request that gets its turn meanwhile is aborted by its
 * router thread, which knows the rids that were aborted lately.
 */
import { type AbortOrder, abortedShare } from '../../core/abort-order.ts'
import type { NowMs } from '../../core/clock.ts'
import { isGeneration, RID_KEYS } from '../../core/endpoint.ts'
import { parseJson } from '../../core/text/parse-json.ts'
import type { Ticket } from '../admission/queue.ts'
import type { PendingRequest } from './pending-request.ts'
import { ridTextIn } from './rid-text.ts'

export interface QueuedAbortsOptions {
  /** Prompts of one request that are noted as aborted. */
  readonly maxPrompts: number
  /** All requests in the queue. */
  readonly queued: () => readonly Ticket<PendingRequest>[]
  /** All of this queued request is aborted: it leaves the queue. */
  readonly onAborted: (pending: PendingRequest) => void
  /** The clock by which requests were queued. */
  readonly nowMs: NowMs
  /** Runs the function in a later turn of the event loop. */
  readonly nextTurn: (run: () => void) => void
}

interface TimedOrder extends AbortOrder {
  /** Requests that were queued later are not meant. */
  readonly untilMs: number
}

interface Search {
  readonly orders: readonly TimedOrder[]
  readonly tickets: readonly Ticket<PendingRequest>[]
  /** Index of the next ticket. */
  next: number
}

/** In a larger body no name is looked for: the router thread that gets the request finds it. */
const SEARCHED_BYTES = 262_144
/** The same for a longer name, or a list of them, which would be read for each order. */
const RID_BYTES = 65_536

/** Work of one turn, in bytes that are examined: some milliseconds. */
const TURN_WORK = 1_048_576
/** Orders of one search, each of which may have to be compared with every name of a long list. */
const MAX_ORDERS = 64
/** What passing a ticket costs, and starting an exchange that ends at once. */
const TICKET_WORK = 256
const END_WORK = 16_384

const NONE = new Uint8Array(0)

export class QueuedAborts {
  readonly #options: QueuedAbortsOptions
  /** Those that no search has begun for. */
  readonly #orders: TimedOrder[] = []
  #search: Search | undefined
  /** A part was done in this turn of the event loop, so that everything else has to wait for the next. */
  #isWaiting = false
  #isClosed = false
  /** Every request that was queued until then is aborted. */
  #allUntilMs = -Infinity

  constructor(options: QueuedAbortsOptions) {
    this.#options = options
  }

  /**
   * Aborts the queued requests that the order names; of others it notes which prompts are aborted. Some are found at
   * once, the others in later turns.
   */
  add(order: AbortOrder): void {
    const untilMs = this.#options.nowMs()
    if (order.rid === undefined) this.#allUntilMs = untilMs
    this.#orders.push({ ...order, untilMs })
    if (!this.#isWaiting) this.#doPart()
  }

  /** A queued request gets its turn. The search may not have come to it yet, and router threads remember rids only. */
  onTurn(pending: PendingRequest): void {
    if (pending.ticket !== undefined && this.#isInAll(pending.ticket)) pending.aborted = 'all'
  }

  /** Aborts nothing more. */
  close(): void {
    this.#isClosed = true
    this.#orders.length = 0
    this.#search = undefined
  }

  #doPart(): void {
    let work = TURN_WORK
    while (work > 0) {
      this.#search ??= this.#nextSearch()
      if (this.#search === undefined) break
      const ticket = this.#search.tickets[this.#search.next++]
      if (ticket === undefined) this.#search = undefined
      else work -= this.#check(ticket, this.#search.orders)
    }
    this.#isWaiting = true
    this.#options.nextTurn(() => {
      this.#isWaiting = false
      const isDone = this.#search === undefined && this.#orders.length === 0
      if (!isDone && !this.#isClosed) this.#doPart()
    })
  }

  #nextSearch(): Search | undefined {
    if (this.#orders.length === 0) return undefined
    return { orders: this.#orders.splice(0, MAX_ORDERS), tickets: this.#options.queued(), next: 0 }
  }

  /** Returns the work that this was. */
  #check(ticket: Ticket<PendingRequest>, orders: readonly TimedOrder[]): number {
    if (!ticket.node.isListed) return TICKET_WORK
    const pending = ticket.request
    let work = TICKET_WORK
    if (this.#isInAll(ticket)) pending.aborted = 'all'
    else work += this.#noteNamed(ticket, orders)
    if (pending.aborted !== 'all') return work
    this.#options.onAborted(pending)
    return work + END_WORK
  }

  /** Notes what the orders name of the request. Returns the work that this was. */
  #noteNamed({ request: pending, sinceMs }: Ticket<PendingRequest>, orders: readonly TimedOrder[]): number {
    const searchedBytes = findRid(pending)
    const { ridText = NONE } = pending
    if (ridText.length === 0) return searchedBytes
    const clientRid = parseJson(Buffer.from(ridText).toString())
    for (const { rid, untilMs } of orders)
      if (rid !== undefined && sinceMs <= untilMs) this.#note(pending, rid, clientRid)
    return searchedBytes + ridText.length * orders.length
  }

  #note(pending: PendingRequest, rid: string, clientRid: unknown): void {
    const { aborted } = pending
    if (aborted === 'all') return
    const share = abortedShare(rid, clientRid, aborted)
    if (share === 'all') pending.aborted = 'all'
    else if (share === 'prompt' && !aborted.includes(rid) && aborted.length < this.#options.maxPrompts)
      pending.aborted = [...aborted, rid]
  }

  #isInAll({ sinceMs }: Ticket<PendingRequest>): boolean {
    return sinceMs <= this.#allUntilMs
  }
}

/** Searches the body for the name, unless that was done before. Returns how many bytes were searched. */
function findRid(pending: PendingRequest): number {
  if (pending.ridText !== undefined) return 0
  const { body, route } = pending
  const key = isGeneration(route.endpoint) ? RID_KEYS[route.endpoint] : undefined
  const isSearched = key !== undefined && body.length <= SEARCHED_BYTES
  const text = isSearched ? ridTextIn(body, key) : NONE
  pending.ridText = text.length > RID_BYTES ? NONE : text
  return isSearched ? body.length : 0
}
