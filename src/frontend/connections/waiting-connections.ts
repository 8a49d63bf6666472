/**
 * All connections that wait for their client, by what they wait for, and which of them is closed when there are too many.
 * Effects are the caller's.
 */
import { type WaitingItem, WaitingList } from './waiting-list.ts'

/**
 * `first-head`: nothing has been requested yet · `next-head`: the last response is complete · `body`: a request body is
 * under way · `rest`: of a body whose response has been sent already
 */
export type Wait = 'first-head' | 'next-head' | 'body' | 'rest'

export interface WaitingConnection<Item> extends WaitingItem<Item> {
  /** Belongs to `WaitingConnections`; `undefined` while it waits for nothing. */
  wait: Wait | undefined
}

export class WaitingConnections<Item extends WaitingConnection<Item>> {
  readonly #lists: Readonly<Record<Wait, WaitingList<Item>>> = {
    'first-head': new WaitingList(),
    'next-head': new WaitingList(),
    body: new WaitingList(),
    rest: new WaitingList(),
  }

  /** The connection waits for this from now on, and for nothing else. */
  put(item: Item, wait: Wait, nowMs: number): void {
    this.remove(item)
    item.wait = wait
    this.#lists[wait].add(item, nowMs)
  }

  /** Has no effect on a connection that waits for nothing. */
  remove(item: Item): void {
    if (item.wait === undefined) return
    this.#lists[item.wait].remove(item)
    item.wait = undefined
  }

  /**
   * The connection to close when there are too many: one whose response has been sent, or else the one that has been idle
   * for longest. While more request bodies are under way than connections are idle, it is the body without progress for
   * longest: bodies that trickle in must not displace clients between two requests, nor those that have just connected.
   */
  get victim(): Item | undefined {
    const { rest, body, 'first-head': fresh, 'next-head': used } = this.#lists
    if (rest.oldest !== undefined) return rest.oldest
    return body.size > fresh.size + used.size ? body.oldest : longest(fresh.oldest, used.oldest)
  }

  /** The connections that have waited for this for at least `limitMs`. */
  overdue(wait: Wait, limitMs: number, nowMs: number): Item[] {
    const items: Item[] = []
    for (let item = this.#lists[wait].oldest; item !== undefined; item = item.newer) {
      if (nowMs - (item.waitingSinceMs ?? nowMs) < limitMs) break
      items.push(item)
    }
    return items
  }
}

/** The one that has waited for longest. */
function longest<Item extends WaitingConnection<Item>>(
  one: Item | undefined,
  other: Item | undefined,
): Item | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return (one.waitingSinceMs ?? 0) <= (other.waitingSinceMs ?? 0) ? one : other
}
