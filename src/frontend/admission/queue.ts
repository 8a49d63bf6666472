/**
 * The admission queue: first in, first out within a priority class, bounded in requests and bytes. Adding, taking and
 * removing take constant time.
 *
 * Has no clock and knows neither the limits of the fleet nor HTTP.
 */
import { AgeList, newNode } from '../../core/age-list.ts'
import { orderOfTurn, PRIORITIES, type Priority } from '../intake/priority.ts'

/** A queued request. */
export class Ticket<T> {
  readonly request: T
  readonly priority: Priority
  /** Size of the request body, which is held in memory. */
  readonly bytes: number
  /** When the request was queued. */
  readonly sinceMs: number
  /** Links the ticket into the list of its class while it is queued. */
  readonly node = newNode<Ticket<T>>()

  constructor(request: T, priority: Priority, bytes: number, sinceMs: number) {
    this.request = request
    this.priority = priority
    this.bytes = bytes
    this.sinceMs = sinceMs
  }
}

export interface QueueLimits {
  readonly queueSize: number
  readonly queueBytes: number
}

export class AdmissionQueue<T> {
  readonly #limits: QueueLimits
  readonly #classes: Readonly<Record<Priority, AgeList<Ticket<T>>>> = {
    high: new AgeList(),
    normal: new AgeList(),
    low: new AgeList(),
  }
  #length = 0
  #bytes = 0
  #turn = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#length
  }

  /** Total size of the queued bodies. */
  get bytes(): number {
    return this.#bytes
  }

  /** Returns `false` when there is no room. */
  add(ticket: Ticket<T>): boolean {
    if (this.#length >= this.#limits.queueSize || this.#bytes + ticket.bytes > this.#limits.queueBytes)
      return false
    this.#classes[ticket.priority].push(ticket)
    this.#length++
    this.#bytes += ticket.bytes
    return true
  }

  /** Removes and returns the next ticket. */
  take(): Ticket<T> | undefined {
    for (const priority of orderOfTurn(this.#turn)) {
      const ticket = this.#classes[priority].oldest
      if (ticket === undefined) continue
      this.#turn++
      this.remove(ticket)
      return ticket
    }
    return undefined
  }

  /** Removes and returns a ticket queued at `sinceMs` or earlier. */
  takeOlderThan(sinceMs: number): Ticket<T> | undefined {
    for (const priority of PRIORITIES) {
      const ticket = this.#classes[priority].oldest
      if (ticket === undefined || ticket.sinceMs > sinceMs) continue
      this.remove(ticket)
      return ticket
    }
    return undefined
  }

  /** All tickets, the oldest of each class first. */
  all(): Ticket<T>[] {
    const tickets: Ticket<T>[] = []
    for (const priority of PRIORITIES) {
      let ticket = this.#classes[priority].oldest
      while (ticket !== undefined) {
        tickets.push(ticket)
        ticket = ticket.node.newer
      }
    }
    return tickets
  }

  /** Returns `false` when the ticket had left the queue already. */
  remove(ticket: Ticket<T>): boolean {
    if (!this.#classes[ticket.priority].remove(ticket)) return false
    this.#length--
    this.#bytes -= ticket.bytes
    return true
  }
}
