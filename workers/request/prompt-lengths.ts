/** Counts the token ids of prompts, in steps or at once. */
import { BYTE } from '../json/bytes.ts'
import type { ScannedValue } from '../json/scan.ts'
import { skipSpace } from '../json/skip.ts'

/** What is counted of a list of ids: more than any engine's context. */
const COUNTED_BYTES = 8_388_608

export class PromptLengths {
  readonly #bytes: Buffer
  /** The lists that are not counted yet, the next one last. */
  readonly #lists: ScannedValue[]
  /** Position in the list that is being counted; -1 before its start. */
  #position = -1
  #count = 0
  #longest: number | undefined

  /** Lists that hold ids are counted, other values are ignored. */
  constructor(bytes: Buffer, lists: readonly ScannedValue[]) {
    this.#bytes = bytes
    this.#lists = lists.filter(({ kind }) => kind === 'array')
  }

  /** Examines about `maxBytes`. Returns whether all lists are counted. */
  step(maxBytes: number): boolean {
    let left = maxBytes
    for (let list = this.#lists.at(-1); list !== undefined && left > 0; list = this.#lists.at(-1)) {
      if (this.#position < 0) this.#begin(list)
      const end = Math.min(list.end, list.start + COUNTED_BYTES)
      const stop = Math.min(end, this.#position + left)
      left -= stop - this.#position + 1
      this.#countUpTo(stop)
      if (stop === end) this.#finish()
    }
    return this.#lists.length === 0
  }

  /** Length in tokens of the longest prompt; `undefined` if none is given as ids. Counts what is left. */
  longest(): number | undefined {
    this.step(Infinity)
    return this.#longest
  }

  #begin(list: ScannedValue): void {
    this.#position = list.start
    this.#count = this.#bytes[skipSpace(this.#bytes, list.start + 1)] === BYTE.closeBracket ? 0 : 1
  }

  #countUpTo(stop: number): void {
    const bytes = this.#bytes
    let count = this.#count
    for (let index = this.#position; index < stop; index++) if (bytes[index] === BYTE.comma) count++
    this.#count = count
    this.#position = stop
  }

  #finish(): void {
    this.#longest = Math.max(this.#longest ?? 0, this.#count)
    this.#lists.pop()
    this.#position = -1
  }
}
