/** Request bodies on their way in: read whole, or given up when they are too large, stall or trickle. */
import { monotonicNowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { StallDetector } from '../../core/stall-detector.ts'
import { readBody, type Upload } from '../intake/body-reader.ts'
import { bodyTooLarge } from '../intake/request-head.ts'
import type { PendingRequest } from './pending-request.ts'

export interface UploadsOptions {
  readonly limitBytes: number
  /** Within this time a client must send `progressBytes` more, or the rest of its body. */
  readonly stallMs: number
  readonly progressBytes: number
  /** The body is complete; the callee may keep it. */
  readonly onBody: (pending: PendingRequest, body: Uint8Array) => void
  /** Called instead of `onBody`. */
  readonly onFailed: (pending: PendingRequest, error: GatewayError) => void
}

export class Uploads {
  readonly #options: UploadsOptions
  readonly #stalls: StallDetector<() => void>

  constructor(options: UploadsOptions) {
    this.#options = options
    this.#stalls = new StallDetector(options.stallMs, onStall => onStall(), monotonicNowMs)
  }

  /** Calls `onBody` or `onFailed` once, unless the upload is stopped before. */
  read(pending: PendingRequest): Upload {
    const { limitBytes, stallMs, progressBytes, onBody, onFailed } = this.#options
    let countedBytes = 0
    const fail = (error: GatewayError): void => {
      this.#stalls.forget(onStall)
      onFailed(pending, error)
    }
    const onStall = (): void => {
      reading.stop()
      const message = `Request body stalled: fewer than ${progressBytes} bytes received in ${stallMs} ms`
      fail(new GatewayError('body-timeout', message))
    }
    this.#stalls.watch(onStall)
    const reading = readBody(pending.res, {
      contentLength: pending.head.contentLength,
      limitBytes,
      onPart: receivedBytes => {
        if (receivedBytes - countedBytes < progressBytes) return
        countedBytes = receivedBytes
        this.#stalls.watch(onStall)
      },
      onBody: body => {
        this.#stalls.forget(onStall)
        onBody(pending, body)
      },
      onTooLarge: () => fail(bodyTooLarge(limitBytes)),
    })
    const stop = (): void => {
      this.#stalls.forget(onStall)
      reading.stop()
    }
    return { stop }
  }

  close(): void {
    this.#stalls.close()
  }
}
