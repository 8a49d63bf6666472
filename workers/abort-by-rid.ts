/**
 * `POST /abort_request` of a client: names a request by the rid that the client gave it. The exchange may live on
 * any router thread, so every thread is told.
 */
import { BroadcastChannel } from 'node:worker_threads'
import type { AbortOrder } from '../src/core/abort-order.ts'

const CHANNEL = 'pd-gateway:abort-by-rid'

export class AbortByRid {
  readonly #channel = new BroadcastChannel(CHANNEL)
  readonly #onOrder: (order: AbortOrder) => void

  constructor(onOrder: (order: AbortOrder) => void) {
    this.#onOrder = onOrder
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it would keep the thread alive after unref()
    this.#channel.onmessage = (event: unknown) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this class posts on the channel
      onOrder((event as { readonly data: AbortOrder }).data)
    }
    this.#channel.unref()
  }

  /** Carries the order out here and on all other threads. */
  send(order: AbortOrder): void {
    this.#onOrder(order)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel between threads, not a window
    this.#channel.postMessage(order)
  }

  close(): void {
    this.#channel.close()
  }
}
