/**
 * Aborts by rid of the last minutes, for requests that were received before them and reach their thread only now: they have
 * waited in the admission queue, where large bodies are not searched for their rids.
 */
import type { NowMs } from '../src/core/clock.ts'

/** Beyond this many the oldest is forgotten. */
const MAX_KEPT = 1024

export class RecentAborts {
  readonly #keepMs: number
  readonly #nowMs: NowMs
  /** When each rid was aborted last, the oldest first. */
  readonly #abortedMs = new Map<string, number>()
  #newestMs = -Infinity

  /** `keepMs`: the longest time that a request waits in the queue. */
  constructor(keepMs: number, nowMs: NowMs) {
    this.#keepMs = keepMs
    this.#nowMs = nowMs
  }

  add(rid: string): void {
    const nowMs = this.#nowMs()
    this.#newestMs = nowMs
    this.#abortedMs.delete(rid)
    this.#abortedMs.set(rid, nowMs)
    for (const [oldest, abortedMs] of this.#abortedMs) {
      if (this.#abortedMs.size <= MAX_KEPT && nowMs - abortedMs <= this.#keepMs) return
      this.#abortedMs.delete(oldest)
    }
  }

  /**
   * The rids that were aborted after `receivedMs`; `undefined` if there are none, as nearly always. Times are whole
   * milliseconds: an abort in the same one is left out, because a client may use a rid again at once. Engines, too, miss
   * an abort that is sent together with its request (SGLang 0.5.23).
   */
  after(receivedMs: number): Set<string> | undefined {
    if (this.#newestMs <= receivedMs) return undefined
    const rids = [...this.#abortedMs].filter(([, abortedMs]) => abortedMs > receivedMs).map(([rid]) => rid)
    return rids.length === 0 ? undefined : new Set(rids)
  }
}
