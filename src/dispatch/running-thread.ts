/** A running router thread, as the main thread sees it. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { BatchSender, type ThreadChannel } from '../messages/channel.ts'
import type { PendingAbort, RouterThreadTask, ThreadOrder } from '../messages/thread.ts'
import type { ThreadPool } from './piscina-pool.ts'

export interface RunningThread {
  readonly channel: ThreadChannel
  readonly port: MessagePort
  readonly task: Promise<unknown>
  /** Node's id of the thread; `undefined` until it takes batches. */
  threadId: number | undefined
  /** Whether the thread was ended on purpose, so that none of its requests can have killed it. */
  wasOrdered: boolean
  /** Aborts that the thread was ordered to send, and until when they may be unsent. */
  ordered: { readonly calls: readonly PendingAbort[]; readonly untilMs: number } | undefined
}

/** Starts a task with a port of its own. */
export function runThread(pool: ThreadPool, task: Omit<RouterThreadTask, 'port'>): RunningThread {
  const { port1: port, port2 } = new MessageChannel()
  return {
    channel: { thread: task.thread, sender: new BatchSender(port), openExchanges: 0 },
    port,
    task: pool.run({ ...task, port: port2 }),
    threadId: undefined,
    wasOrdered: false,
    ordered: undefined,
  }
}

/** Sends an order to the thread. */
export function order({ port }: RunningThread, message: ThreadOrder): void {
  port.postMessage(message)
}
