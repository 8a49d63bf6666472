/** Bodies on their way in: read whole, refused when they are too large, given up when they stand still or trickle. */
import { monotonicNowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { StallDetector } from '../../core/stall-detector.ts'
import { readBody } from '../intake/body-reader.ts'
import { bodyTooLarge } from '../intake/request-head.ts'
import type { PendingRequest } from './pending-request.ts'

export interface UploadsOptions {
  readonly limitBytes: number
  /** Within this time a client that owes more must send `progressBytes` more, or the rest. */
  readonly stallMs: number
  readonly progressBytes: number
  readonly onBody: (pending: PendingRequest, body: Uint8Array) => void
  /** In place of `onBody`. */
  readonly onFailed: (pending: PendingRequest, error: GatewayError) => void
  /** The client is gone, before its body was whole or at any time later. */
  readonly onGone: (pending: PendingRequest) => void
}

export class Uploads {
  readonly #options: UploadsOptions
  readonly #stallDetector: StallDetector<() => void>

  constructor(options: UploadsOptions) {
    this.#options = options
    this.#stallDetector = new StallDetector(options.stallMs, giveUp => giveUp(), monotonicNowMs)
  }

  read(pending: PendingRequest): void {
    const { res, head } = pending
    const { limitBytes, stallMs, progressBytes, onBody, onFailed, onGone } = this.#options
    let countedBytes = 0
    const fail = (error: GatewayError): void => {
      this.#stallDetector.forget(onStall)
      onFailed(pending, error)
    }
    const onStall = (): void => {
      upload.stop()
      const little = `neither ${progressBytes} bytes of the body nor its rest have come within ${stallMs} ms`
      fail(new GatewayError('body-timeout', little))
    }
    res.onAborted(() => {
      this.#stallDetector.forget(onStall)
      onGone(pending)
    })
    this.#stallDetector.watch(onStall)
    const upload = readBody(res, {
      contentLength: head.contentLength,
      limitBytes,
      onPart: length => {
        if (length - countedBytes < progressBytes) return
        countedBytes = length
        this.#stallDetector.watch(onStall)
      },
      onBody: body => {
        this.#stallDetector.forget(onStall)
        onBody(pending, body)
      },
      onTooLarge: () => fail(bodyTooLarge(limitBytes)),
    })
  }

  close(): void {
    this.#stallDetector.close()
  }
}
