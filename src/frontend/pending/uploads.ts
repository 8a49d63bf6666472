/**
 * Request bodies on their way in: read whole, paused while memory for them is short, or given up when they are too large,
 * stall or trickle.
 */
import { monotonicNowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { StallDetector } from '../../core/stall-detector.ts'
import { readBody, type Upload } from '../intake/body-reader.ts'
import { bodyTooLarge } from '../intake/request-head.ts'
import type { BodyBudget, BudgetedUpload } from './body-budget.ts'
import type { PendingRequest } from './pending-request.ts'

export interface UploadsOptions {
  readonly limitBytes: number
  /** Within this time a client must send `progressBytes` more, or the rest of its body. Also the longest pause of an upload. */
  readonly stallMs: number
  readonly progressBytes: number
  readonly budget: BodyBudget
  /** The body is complete; the callee may keep it, and releases its bytes from the budget. */
  readonly onBody: (pending: PendingRequest, body: Uint8Array) => void
  /** Called instead of `onBody`. */
  readonly onFailed: (pending: PendingRequest, error: GatewayError) => void
}

export class Uploads {
  readonly #options: UploadsOptions
  readonly #stalls: StallDetector<UploadInProgress>

  constructor(options: UploadsOptions) {
    this.#options = options
    this.#stalls = new StallDetector(options.stallMs, upload => this.#onStall(upload), monotonicNowMs)
  }

  /** Calls `onBody` or `onFailed` once, unless the upload is stopped before. */
  read(pending: PendingRequest): Upload {
    return new UploadInProgress(pending, this.#options, this.#stalls)
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
    const largest = budget.largest
    if (largest instanceof UploadInProgress) largest.fail(outOfMemory())
    if (largest !== upload) this.#stalls.watch(upload)
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
  /** Bytes received when progress was last recorded. */
  #countedBytes = 0

  constructor(pending: PendingRequest, options: UploadsOptions, stalls: StallDetector<UploadInProgress>) {
    this.#pending = pending
    this.#options = options
    this.#stalls = stalls
    const { limitBytes, budget } = options
    budget.start(this)
    stalls.watch(this)
    this.#reading = readBody(pending.res, {
      contentLength: pending.head.contentLength,
      limitBytes,
      onPart: (receivedBytes, heldBytes) => this.#onPart(receivedBytes, heldBytes),
      onBody: body => {
        stalls.forget(this)
        budget.complete(this, body.length)
        options.onBody(pending, body)
      },
      onTooLarge: () => this.fail(bodyTooLarge(limitBytes)),
    })
  }

  stop(): void {
    this.#stalls.forget(this)
    this.#options.budget.drop(this)
    this.#reading.stop()
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
    this.#pending.res.resume()
    this.#stalls.watch(this)
  }

  #onPart(receivedBytes: number, heldBytes: number): void {
    this.#options.budget.hold(this, heldBytes)
    if (receivedBytes - this.#countedBytes < this.#options.progressBytes) return
    this.#countedBytes = receivedBytes
    this.#stalls.watch(this)
  }
}
