/** The request to the prefill engine of a pinned pair. Its response does not matter: decode reports what went wrong. */
import type { LoadConnection, ResponseHandler } from '../connections/connection.ts'
import type { LoadTarget } from './load-target.ts'

export class PrefillLeg implements ResponseHandler {
  readonly #target: LoadTarget
  readonly #connection: LoadConnection

  private constructor(target: LoadTarget) {
    this.#target = target
    this.#connection = target.take()
  }

  static send(target: LoadTarget, body: string, index: number): void {
    const leg = new PrefillLeg(target)
    target.send(leg.#connection, body, index, leg)
  }

  onHead(): void {}

  onData(): void {}

  onEnd(): void {
    this.#target.release(this.#connection)
  }

  onLost(): void {}
}
