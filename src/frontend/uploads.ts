/** Bodies on their way in: read whole, refused when they are too large, given up when they stand still. */
import { monotonicNowMs } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { bodyTooLarge, readBody } from './intake.ts'
import { StallSweep } from './stall-sweep.ts'
import type { Visit } from './visit.ts'

export interface UploadsOptions {
  readonly limitBytes: number
  /** Longest silence of a client that owes more. */
  readonly stallMs: number
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
    const { limitBytes, stallMs, onBody, onFailed, onGone } = this.#options
    const fail = (error: GatewayError): void => {
      this.#stalled.forget(onStall)
      onFailed(visit, error)
    }
    const onStall = (): void => {
      upload.stop()
      fail(new GatewayError('body-timeout', `no byte of the body has come for ${stallMs} ms`))
    }
    res.onAborted(() => {
      this.#stalled.forget(onStall)
      onGone(visit)
    })
    this.#stalled.watch(onStall)
    const upload = readBody(res, {
      contentLength: intake.contentLength,
      limitBytes,
      onPart: () => this.#stalled.watch(onStall),
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
