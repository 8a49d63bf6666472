/**
 * Requests that wait for their turn: first come, first served within a class, bounded in number and bytes.
 *
 * A linked list through the tickets themselves, so that adding, taking and leaving cost the same with one waiting or
 * with thousands. Knows no clock, no limits of the fleet and nothing of HTTP.
 */
import { orderOfTurn, PRIORITIES, type Priority } from './priority.ts'

/** One waiting request. All but `request`, `priority`, `bytes` and `sinceMs` is the queue's own. */
export class Ticket<T> {
  readonly request: T
  readonly priority: Priority
  /** Of the body that is held meanwhile. */
  readonly bytes: number
  readonly sinceMs: number
  older: Ticket<T> | undefined
  newer: Ticket<T> | undefined
  isWaiting = false

  constructor(request: T, priority: Priority, bytes: number, sinceMs: number) {
    this.request = request
    this.priority = priority
    this.bytes = bytes
    this.sinceMs = sinceMs
  }
}

export interface QueueBounds {
  readonly queueSize: number
  readonly queueBytes: number
}

interface Line<T> {
  oldest: Ticket<T> | undefined
  newest: Ticket<T> | undefined
}

export class AdmissionQueue<T> {
  readonly #bounds: QueueBounds
  readonly #lines: Readonly<Record<Priority, Line<T>>> = {
    high: newLine(),
    normal: newLine(),
    low: newLine(),
  }
  #length = 0
  #bytes = 0
  #turn = 0

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds
  }

  get length(): number {
    return this.#length
  }

  /** Of the bodies that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** `false`: there is no room. */
  add(ticket: Ticket<T>): boolean {
    if (this.#length >= this.#bounds.queueSize || this.#bytes + ticket.bytes > this.#bounds.queueBytes)
      return false
    const line = this.#lines[ticket.priority]
    ticket.isWaiting = true
    ticket.older = line.newest
    if (line.newest === undefined) line.oldest = ticket
    else line.newest.newer = ticket
    line.newest = ticket
    this.#length++
    this.#bytes += ticket.bytes
    return true
  }

  /** The one whose turn it is, out of the queue. */
  take(): Ticket<T> | undefined {
    for (const priority of orderOfTurn(this.#turn)) {
      const ticket = this.#lines[priority].oldest
      if (ticket === undefined) continue
      this.#turn++
      this.remove(ticket)
      return ticket
    }
    return undefined
  }

  /** One that has waited since before `sinceMs`, out of the queue. */
  takeOlderThan(sinceMs: number): Ticket<T> | undefined {
    for (const priority of PRIORITIES) {
      const ticket = this.#lines[priority].oldest
      if (ticket === undefined || ticket.sinceMs > sinceMs) continue
      this.remove(ticket)
      return ticket
    }
    return undefined
  }

  /** Those that are meant, out of the queue, the oldest of each class first. Looks at every one that waits. */
  takeAll(isMeant: (request: T) => boolean): T[] {
    const taken: T[] = []
    for (const priority of PRIORITIES) {
      let ticket = this.#lines[priority].oldest
      while (ticket !== undefined) {
        const { newer } = ticket
        if (isMeant(ticket.request)) {
          this.remove(ticket)
          taken.push(ticket.request)
        }
        ticket = newer
      }
    }
    return taken
  }

  /** `false`: it did not wait any more. */
  remove(ticket: Ticket<T>): boolean {
    if (!ticket.isWaiting) return false
    const line = this.#lines[ticket.priority]
    if (ticket.older === undefined) line.oldest = ticket.newer
    else ticket.older.newer = ticket.newer
    if (ticket.newer === undefined) line.newest = ticket.older
    else ticket.newer.older = ticket.older
    ticket.isWaiting = false
    ticket.older = undefined
    ticket.newer = undefined
    this.#length--
    this.#bytes -= ticket.bytes
    return true
  }
}

function newLine<T>(): Line<T> {
  return { oldest: undefined, newest: undefined }
}
