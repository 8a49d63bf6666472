/** The sequences that an engine holds, and the rids by which a client can abort them. */
import type { Sequence } from './sequence.ts'

export class RequestTable {
  /** Sequences that `/abort_request` finds. */
  readonly #byRid = new Map<string, Sequence>()
  /** All sequences of the scheduler, including those whose rid has been released. */
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

  /** The sequence keeps running, but its rid is free and no longer refers to it. */
  releaseRid(sequence: Sequence): void {
    if (this.#byRid.get(sequence.spec.rid) === sequence) this.#byRid.delete(sequence.spec.rid)
  }

  /**
   * The sequences whose rid starts with `rid`. Empty unless a sequence has exactly this rid: SGLang first looks it up,
   * and only then compares prefixes.
   */
  matching(rid: string): Sequence[] {
    if (rid === '' || !this.#byRid.has(rid)) return []
    return [...this.#live].filter(sequence => sequence.spec.rid.startsWith(rid))
  }

  /** The sequence with exactly this rid: the Rust front end of SGLang 0.5.23 compares no prefixes. */
  named(rid: string): Sequence[] {
    const sequence = this.#byRid.get(rid)
    return sequence === undefined ? [] : [sequence]
  }

  all(): Sequence[] {
    return [...this.#live]
  }

  clear(): void {
    this.#byRid.clear()
    this.#live.clear()
  }
}
