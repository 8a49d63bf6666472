/** Which sequences an engine holds, and by which rid the outside may name them. */
import type { Sequence } from './sequence.ts'

export class RequestTable {
  /** Those that `/abort_request` finds. */
  readonly #byRid = new Map<string, Sequence>()
  /** All that the scheduler holds, those that no rid names any more included. */
  readonly #live = new Set<Sequence>()

  get size(): number {
    return this.#live.size
  }

  has(rid: string): boolean {
    return this.#byRid.has(rid)
  }

  add(sequence: Sequence): void {
    this.#byRid.set(sequence.spec.rid, sequence)
    this.#live.add(sequence)
  }

  remove(sequence: Sequence): void {
    this.#live.delete(sequence)
    this.releaseRid(sequence)
  }

  /** It runs on, but its rid is free and names it no more. */
  releaseRid(sequence: Sequence): void {
    if (this.#byRid.get(sequence.spec.rid) === sequence) this.#byRid.delete(sequence.spec.rid)
  }

  /** The rid must be known as it is; then all whose rid begins with it are meant. */
  matching(rid: string): Sequence[] {
    if (rid === '' || !this.#byRid.has(rid)) return []
    return [...this.#live].filter(sequence => sequence.spec.rid.startsWith(rid))
  }

  all(): Sequence[] {
    return [...this.#live]
  }

  clear(): void {
    this.#byRid.clear()
    this.#live.clear()
  }
}
