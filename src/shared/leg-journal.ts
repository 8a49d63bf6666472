/**
 * Records the open legs of each router thread by rid, so that they can be aborted on the engines when the thread dies.
 * Engines notice a closed socket only up to 4 s later (SGLang 2026-07) and generate tokens in vain until then.
 *
 * Each thread has a row of records. Only the thread itself writes to it, and the main thread reads it only after the
 * thread has died, so no atomics are needed. If a row is full, further legs are not recorded. Hot path: two small writes
 * per attempt.
 */
import { LEG, LEG_RECORDS, LEG_WORDS, type SharedMemory } from './layout.ts'

/** The legs of one rid. A slot is -1 if there is no such leg. */
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
  /** For each free record, the next free one. */
  readonly #next = new Int32Array(LEG_RECORDS)
  #free = 0

  constructor(memory: SharedMemory, thread: number) {
    ;[this.#words, this.#bytes] = rowOf(memory, thread)
    for (let record = 0; record < LEG_RECORDS; record++) {
      this.#next[record] = record + 1 < LEG_RECORDS ? record + 1 : NONE
    }
  }

  /** Records the legs of an attempt. Returns the argument for `close`: the record, or -1 if the row is full. */
  open(legs: OpenLegs): number {
    const record = this.#free
    if (record === NONE) return NONE
    this.#free = this.#next[record] ?? NONE
    this.#write(record * LEG_WORDS, legs)
    return record
  }

  close(record: number): void {
    if (record === NONE) return
    this.#words[record * LEG_WORDS + LEG.isOpen] = 0
    this.#next[record] = this.#free
    this.#free = record
  }

  #write(start: number, { exchangeId, prefillSlot, decodeSlot, rid }: OpenLegs): void {
    this.#bytes.write(rid, (start + LEG.rid) * Int32Array.BYTES_PER_ELEMENT, RID_BYTES, 'hex')
    this.#words[start + LEG.exchange] = exchangeId
    this.#words[start + LEG.prefillSlot] = prefillSlot
    this.#words[start + LEG.decodeSlot] = decodeSlot
    this.#words[start + LEG.isOpen] = 1
  }
}

/** Returns the open legs of a dead thread and clears its row. */
export function takeOrphanedLegs(memory: SharedMemory, thread: number): OpenLegs[] {
  const [words, bytes] = rowOf(memory, thread)
  const orphans: OpenLegs[] = []
  for (let start = 0; start < words.length; start += LEG_WORDS) {
    if (words[start + LEG.isOpen] !== 1) continue
    const ridStart = (start + LEG.rid) * Int32Array.BYTES_PER_ELEMENT
    orphans.push({
      exchangeId: (words[start + LEG.exchange] ?? 0) >>> 0,
      prefillSlot: words[start + LEG.prefillSlot] ?? NONE,
      decodeSlot: words[start + LEG.decodeSlot] ?? NONE,
      rid: bytes.toString('hex', ridStart, ridStart + RID_BYTES),
    })
    words[start + LEG.isOpen] = 0
  }
  return orphans
}

function rowOf({ legs }: SharedMemory, thread: number): [Int32Array, Buffer] {
  const length = LEG_RECORDS * LEG_WORDS
  const start = thread * length * Int32Array.BYTES_PER_ELEMENT
  return [
    new Int32Array(legs, start, length),
    Buffer.from(legs, start, length * Int32Array.BYTES_PER_ELEMENT),
  ]
}
