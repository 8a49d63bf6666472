/**
 * Broadcasts a client's `POST /abort_request`. The request is identified by the rid that the client gave it, and may be
 * on any router thread.
 */
import { BroadcastChannel } from 'node:worker_threads'
import type { AbortOrder } from '../src/core/abort-order.ts'

const CHANNEL = 'pd-gateway:abort-by-rid'

export class AbortByRid {
  readonly #channel = new BroadcastChannel(CHANNEL)
  readonly #onOrder: (order: AbortOrder) => void

  constructor(onOrder: (order: AbortOrder) => void) {
    this.#onOrder = onOrder
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a listener would keep the thread alive despite unref()
    this.#channel.onmessage = (event: unknown) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this class posts on the channel
      onOrder((event as { readonly data: AbortOrder }).data)
    }
    this.#channel.unref()
  }

  /** Calls `onOrder` on this thread and on all others. */
  send(order: AbortOrder): void {
    this.#onOrder(order)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel between threads, not a window
    this.#channel.postMessage(order)
  }

  close(): void {
    this.#channel.close()
  }
}
