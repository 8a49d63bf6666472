/**
 * The order to reopen log files, which the main thread gives on SIGHUP and every thread of the process follows. It travels
 * on a channel of its own, so that the log needs nothing of the threads that it is used in.
 */
import { BroadcastChannel } from 'node:worker_threads'

const CHANNEL = 'pd-gateway: reopen the log'

/** Reopens the log files of all threads of this process. */
export function reopenLogs(): void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.postMessage(undefined) // oxlint-disable-line unicorn/require-post-message-target-origin -- not a window
  channel.close()
}

/** Calls `reopen` at each order; returns how to stop that. It keeps no thread alive. */
export function onReopenOrder(reopen: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.addEventListener('message', reopen)
  channel.unref()
  return () => channel.close()
}
