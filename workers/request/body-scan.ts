/**
 * Reads the fields of a large request body in bounded steps: first whether it is UTF-8, then where its large values end,
 * then the fields, which need not be searched for any more, then how long its prompts are.
 */
import { isUtf8 } from 'node:buffer'
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { asBuffer } from '../json/bytes.ts'
import { withKnownEnds } from '../json/scan-context.ts'
import { ValueIndex } from '../json/value-index.ts'
import type { SteppedWork } from '../turns/turn-queue.ts'
import { type FieldOptions, notUtf8, type RequestFields, readFields } from './fields.ts'

/** Bytes whose encoding is checked in the time of one unit of work. */
const CHECKED_PER_UNIT = 8

export interface BodyScanOptions {
  readonly endpoint: GenerationEndpoint
  /** Must not change while it is read. */
  readonly body: Uint8Array
  readonly fieldOptions: FieldOptions
  /** Units of work in one step; one unit is about a byte that is examined. */
  readonly stepWork: number
  readonly onFields: (fields: RequestFields) => void
  /** Called instead, with what `readFields` throws. */
  readonly onError: (error: unknown) => void
}

export class BodyScan implements SteppedWork {
  readonly #options: BodyScanOptions
  readonly #bytes: Buffer
  readonly #index: ValueIndex
  #checkedBytes = 0
  #fields: RequestFields | undefined

  constructor(options: BodyScanOptions) {
    this.#options = options
    this.#bytes = asBuffer(options.body)
    this.#index = new ValueIndex(this.#bytes)
  }

  step(): boolean {
    try {
      return this.#step()
    } catch (error) {
      this.#options.onError(error)
      return true
    }
  }

  #step(): boolean {
    const { endpoint, fieldOptions, stepWork, onFields } = this.#options
    if (this.#checkedBytes < this.#bytes.length) {
      this.#checkNext(stepWork * CHECKED_PER_UNIT)
      return false
    }
    if (this.#fields === undefined) {
      if (this.#index.step(stepWork) === 0) return false
      const read = (): RequestFields => readFields(endpoint, this.#bytes, fieldOptions, true)
      this.#fields = withKnownEnds([this.#index], read)
      return false
    }
    if (!this.#fields.promptLengths.step(stepWork)) return false
    onFields(this.#fields)
    return true
  }

  /** The checked part ends between two characters. */
  #checkNext(maxBytes: number): void {
    const bytes = this.#bytes
    let end = Math.min(bytes.length, this.#checkedBytes + maxBytes)
    for (let back = 0; back < 3 && end < bytes.length && isContinuation(bytes[end]); back++) end--
    if (!isUtf8(bytes.subarray(this.#checkedBytes, end))) throw notUtf8()
    this.#checkedBytes = end
  }
}

/** Whether the byte continues a character of UTF-8. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
