/**
 * Request bodies on their way in: read whole, paused while memory for them is short, or given up when they are too large,
 * stall or trickle.
 */
import { monotonicNowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { StallDetector } from '../../core/stall-detector.ts'
import { readBody, type Upload } from '../intake/body-reader.ts'
import { type BodyLimits, bodyLimitOf } from '../intake/refusal.ts'
import { bodyTooLarge } from '../intake/request-head.ts'
import type { BodyBudget, BudgetedUpload } from './body-budget.ts'
import type { PendingRequest } from './pending-request.ts'

export interface UploadsOptions {
  readonly limits: BodyLimits
  /**
   * Within this time a client must send `progressBytes` more, or the rest of its body. An upload that has been paused for so
   * long makes another give way, if one has been under way for so long, or is refused.
   */
  readonly stallMs: number
  readonly progressBytes: number
  readonly budget: BodyBudget
  /** The body is complete; the callee may keep it, and releases its bytes from the budget. */
  readonly onBody: (pending: PendingRequest, body: Uint8Array) => void
  /** Called instead of `onBody`. */
  readonly onFailed: (pending: PendingRequest, error: GatewayError) => void
  /** An incomplete upload is over, of which `heldBytes` were held. */
  readonly onDropped: (heldBytes: number) => void
}

export class Uploads {
  readonly #options: UploadsOptions
  readonly #stalls: StallDetector<UploadInProgress>

  constructor(options: UploadsOptions) {
    this.#options = options
    this.#stalls = new StallDetector(options.stallMs, upload => this.#onStall(upload), monotonicNowMs)
  }

  /** Calls `onBody` or `onFailed` once, unless the upload is stopped before. `undefined`: there is no memory for it. */
  read(pending: PendingRequest): Upload | undefined {
    const upload = new UploadInProgress(pending, this.#options, this.#stalls)
    return upload.hasBegun ? upload : undefined
  }

  close(): void {
    this.#stalls.close()
  }

  #onStall(upload: UploadInProgress): void {
    const { budget, stallMs, progressBytes } = this.#options
    if (!budget.isPaused(upload)) {
      const message = `Request body stalled: fewer than ${progressBytes} bytes received in ${stallMs} ms`
      return upload.fail(new GatewayError('body-timeout', message))
    }
    const [longest] = budget.granted()
    if (!(longest instanceof UploadInProgress) || longest.readingMs < stallMs)
      return upload.fail(outOfMemory())
    longest.fail(outOfMemory())
    if (budget.isPaused(upload)) this.#stalls.watch(upload)
  }
}

/** Why no further request body is read now. */
export function outOfMemory(): GatewayError {
  return new GatewayError(
    'memory-pressure',
    'Too many bytes of request bodies are held (limits.heldBodyBytes): try again later',
    { retryAfterMs: 1000 },
  )
}

class UploadInProgress implements Upload, BudgetedUpload {
  readonly #pending: PendingRequest
  readonly #options: UploadsOptions
  readonly #stalls: StallDetector<UploadInProgress>
  readonly #reading: Upload
  /** False if there is no memory for it: then it has been stopped. */
  readonly hasBegun: boolean
  #receivedBytes = 0
  /** Bytes received when progress was last recorded. */
  #countedBytes = 0
  /** When it began to be read, or went on after a pause. */
  #sinceMs = monotonicNowMs()

  constructor(pending: PendingRequest, options: UploadsOptions, stalls: StallDetector<UploadInProgress>) {
    this.#pending = pending
    this.#options = options
    this.#stalls = stalls
    const { limits, budget } = options
    const limitBytes = bodyLimitOf(pending.route, limits)
    const { contentLength } = pending.head
    stalls.watch(this)
    this.#reading = readBody(pending.res, {
      contentLength,
      limitBytes,
      onPart: receivedBytes => this.#onPart(receivedBytes),
      onBody: body => {
        stalls.forget(this)
        budget.complete(this, body.length)
        options.onBody(pending, body)
      },
      onTooLarge: () => this.fail(bodyTooLarge(limitBytes)),
    })
    const expectedBytes = contentLength < 0 ? limitBytes : contentLength
    this.hasBegun = budget.start(this, expectedBytes, contentLength >= 0)
    if (!this.hasBegun) this.stop()
  }

  /** How long it has been read without a pause. */
  get readingMs(): number {
    return monotonicNowMs() - this.#sinceMs
  }

  stop(): void {
    this.#stalls.forget(this)
    this.#options.budget.drop(this)
    this.#reading.stop()
    this.#options.onDropped(this.#receivedBytes)
    this.#receivedBytes = 0
  }

  fail(error: GatewayError): void {
    const wasPaused = this.#options.budget.isPaused(this)
    this.stop()
    // The rest of the body is read and dropped, because a client may read the response only after it has sent everything.
    if (wasPaused) this.#pending.res.resume()
    this.#options.onFailed(this.#pending, error)
  }

  pause(): void {
    this.#pending.res.pause()
  }

  resume(): void {
    this.#sinceMs = monotonicNowMs()
    this.#pending.res.resume()
    this.#stalls.watch(this)
  }

  #onPart(receivedBytes: number): void {
    this.#receivedBytes = receivedBytes
    if (!this.#options.budget.hold(this, receivedBytes)) return this.fail(outOfMemory())
    if (receivedBytes - this.#countedBytes < this.#options.progressBytes) return
    this.#countedBytes = receivedBytes
    this.#stalls.watch(this)
  }
}
