/**
 * What each router thread has open on the engines, by rid: when it dies, another thread tells the engines to give that
 * up. Engines notice closed sockets by themselves, but up to 4 s later, and work for nobody until then.
 *
 * One row of records a thread, written by that thread alone, read by the main thread once it is dead: no atomics. A row
 * that is full loses records, not requests. Hot path: two small writes an attempt.
 */
import { LEG, LEG_RECORDS, LEG_WORDS, type SharedMemory } from './layout.ts'

/** One rid of an attempt. A slot is -1 where there is no engine. */
export interface OpenLegs {
  readonly exchangeId: number
  readonly prefillSlot: number
  readonly decodeSlot: number
  /** 32 hexadecimal digits. */
  readonly rid: string
}

const RID_BYTES = 16
const NONE = -1

export class LegJournal {
  readonly #words: Int32Array
  readonly #bytes: Buffer
  /** Of each record, the one to take after it: of those that are free, or of the same attempt. */
  readonly #next = new Int32Array(LEG_RECORDS)
  #free = 0

  constructor(memory: SharedMemory, thread: number) {
    ;[this.#words, this.#bytes] = rowOf(memory, thread)
    for (let at = 0; at < LEG_RECORDS; at++) this.#next[at] = at + 1 < LEG_RECORDS ? at + 1 : NONE
  }

  /** Returns what `close` wants to know. */
  open(legs: Omit<OpenLegs, 'rid'>, rids: readonly string[]): number {
    let first = NONE
    for (let at = 0; at < rids.length; at++) {
      const record = this.#free
      if (record === NONE) return first
      this.#free = this.#next[record] ?? NONE
      this.#next[record] = first
      first = record
      this.#write(record * LEG_WORDS, legs, rids[at] ?? '')
    }
    return first
  }

  close(first: number): void {
    for (let record = first; record !== NONE; ) {
      const next = this.#next[record] ?? NONE
      this.#words[record * LEG_WORDS + LEG.isOpen] = 0
      this.#next[record] = this.#free
      this.#free = record
      record = next
    }
  }

  #write(at: number, { exchangeId, prefillSlot, decodeSlot }: Omit<OpenLegs, 'rid'>, rid: string): void {
    this.#bytes.write(rid, (at + LEG.rid) * Int32Array.BYTES_PER_ELEMENT, RID_BYTES, 'hex')
    this.#words[at + LEG.exchange] = exchangeId
    this.#words[at + LEG.prefillSlot] = prefillSlot
    this.#words[at + LEG.decodeSlot] = decodeSlot
    this.#words[at + LEG.isOpen] = 1
  }
}

/** What a dead thread has left; its row is empty afterwards. */
export function takeOrphanedLegs(memory: SharedMemory, thread: number): OpenLegs[] {
  const [words, bytes] = rowOf(memory, thread)
  const left: OpenLegs[] = []
  for (let at = 0; at < words.length; at += LEG_WORDS) {
    if (words[at + LEG.isOpen] !== 1) continue
    const start = (at + LEG.rid) * Int32Array.BYTES_PER_ELEMENT
    left.push({
      exchangeId: (words[at + LEG.exchange] ?? 0) >>> 0,
      prefillSlot: words[at + LEG.prefillSlot] ?? NONE,
      decodeSlot: words[at + LEG.decodeSlot] ?? NONE,
      rid: bytes.toString('hex', start, start + RID_BYTES),
    })
    words[at + LEG.isOpen] = 0
  }
  return left
}

function rowOf({ legs }: SharedMemory, thread: number): [Int32Array, Buffer] {
  const length = LEG_RECORDS * LEG_WORDS
  const start = thread * length * Int32Array.BYTES_PER_ELEMENT
  return [
    new Int32Array(legs, start, length),
    Buffer.from(legs, start, length * Int32Array.BYTES_PER_ELEMENT),
  ]
}
