/**
 * How long a message takes from one thread to another and back on this machine at this time.
 *
 * A bound on the speed of something that passes through threads must allow for a machine that is busy with other work.
 * The event loop's own lag does not show it: a thread that waits for a processor has no lag until it gets one.
 */
import type { TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'

const INTERVAL_MS = 5
const ECHO =
  "const { parentPort } = require('node:worker_threads'); parentPort.on('message', m => parentPort.postMessage(m))"

export interface MachineLag {
  /** Round trip in milliseconds that this share of the messages took at most. */
  percentile(share: number): number
}

/** Measures from now on until the end of the test. */
export function measureMachineLag(t: TestContext): MachineLag {
  const roundTrips: number[] = []
  const worker = new Worker(ECHO, { eval: true })
  worker.on('message', (sentMs: number) => roundTrips.push(performance.now() - sentMs))
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  const timer = setInterval(() => worker.postMessage(performance.now()), INTERVAL_MS)
  t.after(async () => {
    clearInterval(timer)
    await worker.terminate()
  })
  return {
    percentile: share => {
      const sorted = roundTrips.toSorted((a, b) => a - b)
      return sorted[Math.ceil(share * sorted.length) - 1] ?? 0
    },
  }
}
