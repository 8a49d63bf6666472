/** Classifies a large response body in bounded steps. Its index is kept, for what changes the body on its way to the client. */
import type { Leg } from '../../../src/core/errors.ts'
import type { Dialect } from '../../dialects/dialect.ts'
import type { ResponseSummary } from '../../dialects/response-summary.ts'
import { asBuffer } from '../../json/bytes.ts'
import { JsonSyntaxError } from '../../json/errors.ts'
import { type KnownEnds, withKnownEnds } from '../../json/scan-context.ts'
import { ValueIndex } from '../../json/value-index.ts'
import type { SteppedWork } from '../../turns/turn-queue.ts'
import type { ResponseBody } from '../../upstream/response-body.ts'
import type { Failure } from '../failure.ts'
import { classifyText } from '../response.ts'
import { prunedBody } from './pruned-body.ts'

/** Bytes that are copied in the time of one unit of work. */
const COPIED_PER_UNIT = 8

export interface ResponseScanOptions {
  readonly leg: Leg
  /** Complete. */
  readonly body: ResponseBody
  readonly dialect: Dialect
  /** Units of work in one step; one unit is about a byte that is examined. */
  readonly stepWork: number
  readonly onClassified: (found: ResponseSummary | Failure) => void
}

export class ResponseScan implements SteppedWork {
  readonly #options: ResponseScanOptions
  #index: ValueIndex | undefined

  constructor(options: ResponseScanOptions) {
    this.#options = options
  }

  /** Where the large values of the body end; incomplete before `onClassified`. `undefined` before it is examined. */
  get knownEnds(): KnownEnds | undefined {
    return this.#index
  }

  step(): boolean {
    const { leg, body, dialect, stepWork, onClassified } = this.#options
    if (this.#index === undefined) {
      if (body.joinNext(stepWork * COPIED_PER_UNIT)) this.#index = new ValueIndex(asBuffer(body.joined()))
      return false
    }
    if (this.#index.step(stepWork) === 0) return false
    onClassified(classifyText(leg, this.#index.bytes, textOf(this.#index), dialect))
    return true
  }
}

/** The text without its large values; the start of what is not JSON. */
function textOf(index: ValueIndex): string {
  try {
    return withKnownEnds([index], () => prunedBody(index.bytes))
  } catch (error) {
    if (error instanceof JsonSyntaxError) return index.bytes.toString('utf8', 0, 1024)
    throw error
  }
}
