/** A router thread that runs its task, as the main thread knows it. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { BatchSender, type ThreadChannel } from '../messages/channel.ts'
import type { PendingAbort, RouterThreadTask, ThreadOrder } from '../messages/thread.ts'
import type { ThreadPool } from './thread-pool.ts'

export interface RunningThread {
  readonly channel: ThreadChannel
  readonly port: MessagePort
  readonly task: Promise<unknown>
  /** Set once it takes batches. */
  threadId: number | undefined
  /** It was told to end: nothing that it has open is to blame. */
  wasOrdered: boolean
  /** Aborts that it was last ordered to send, and until when it may not have sent them. */
  ordered: { readonly calls: readonly PendingAbort[]; readonly untilMs: number } | undefined
}

/** Starts the task with a port of its own. */
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

export function order({ port }: RunningThread, message: ThreadOrder): void {
  port.postMessage(message)
}
