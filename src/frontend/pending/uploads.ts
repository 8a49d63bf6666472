/** Bodies on their way in: read whole, refused when they are too large, given up when they stand still or trickle. */
import { monotonicNowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { StallSweep } from '../../core/stall-detector.ts'
import { readBody } from '../intake/body-reader.ts'
import { bodyTooLarge } from '../intake/request-head.ts'
import type { Visit } from './pending-request.ts'

export interface UploadsOptions {
  readonly limitBytes: number
  /** Within this time a client that owes more must send `progressBytes` more, or the rest. */
  readonly stallMs: number
  readonly progressBytes: number
  readonly onBody: (visit: Visit, body: Uint8Array) => void
  /** In place of `onBody`. */
  readonly onFailed: (visit: Visit, error: GatewayError) => void
  /** The client is gone, before its body was whole or at any time later. */
  readonly onGone: (visit: Visit) => void
}

export class Uploads {
  readonly #options: UploadsOptions
  readonly #stalled: StallSweep<() => void>

  constructor(options: UploadsOptions) {
    this.#options = options
    this.#stalled = new StallSweep(options.stallMs, giveUp => giveUp(), monotonicNowMs)
  }

  read(visit: Visit): void {
    const { res, intake } = visit
    const { limitBytes, stallMs, progressBytes, onBody, onFailed, onGone } = this.#options
    let noted = 0
    const fail = (error: GatewayError): void => {
      this.#stalled.forget(onStall)
      onFailed(visit, error)
    }
    const onStall = (): void => {
      upload.stop()
      const little = `neither ${progressBytes} bytes of the body nor its rest have come within ${stallMs} ms`
      fail(new GatewayError('body-timeout', little))
    }
    res.onAborted(() => {
      this.#stalled.forget(onStall)
      onGone(visit)
    })
    this.#stalled.watch(onStall)
    const upload = readBody(res, {
      contentLength: intake.contentLength,
      limitBytes,
      onPart: length => {
        if (length - noted < progressBytes) return
        noted = length
        this.#stalled.watch(onStall)
      },
      onBody: body => {
        this.#stalled.forget(onStall)
        onBody(visit, body)
      },
      onTooLarge: () => fail(bodyTooLarge(limitBytes)),
    })
  }

  close(): void {
    this.#stalled.close()
  }
}
