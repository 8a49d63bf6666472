/**
 * Requests that wait for their turn: first come, first served within a class, bounded in number and bytes.
 *
 * Adding, taking and leaving cost the same with one waiting or with thousands. Knows no clock, no limits of the fleet and
 * nothing of HTTP.
 */
import { AgeList, newNode } from '../../core/age-list.ts'
import { orderOfTurn, PRIORITIES, type Priority } from '../intake/priority.ts'

/** One waiting request. */
export class Ticket<T> {
  readonly request: T
  readonly priority: Priority
  /** Of the body that is held meanwhile. */
  readonly bytes: number
  readonly sinceMs: number
  /** In the queue. */
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
  readonly #lines: Readonly<Record<Priority, AgeList<Ticket<T>>>> = {
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

  /** Of the bodies that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** `false`: there is no room. */
  add(ticket: Ticket<T>): boolean {
    if (this.#length >= this.#limits.queueSize || this.#bytes + ticket.bytes > this.#limits.queueBytes)
      return false
    this.#lines[ticket.priority].push(ticket)
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
  takeAll(matches: (request: T) => boolean): T[] {
    const taken: T[] = []
    for (const priority of PRIORITIES) {
      let ticket = this.#lines[priority].oldest
      while (ticket !== undefined) {
        const { newer } = ticket.node
        if (matches(ticket.request)) {
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
    if (!this.#lines[ticket.priority].remove(ticket)) return false
    this.#length--
    this.#bytes -= ticket.bytes
    return true
  }
}
