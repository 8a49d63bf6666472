/**
 * The outgoing network of a prefill engine: a limited number of concurrent transfers that share its bandwidth.
 *
 * The duration of a transfer is fixed when it starts, by the number of transfers that run at that moment.
 */
import type { TimerHandle } from '../clock/clock.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'

interface Transfer {
  readonly tokens: number
  readonly done: () => void
}

export class TransferLanes {
  readonly #host: SchedulerHost
  readonly #timers = new Set<TimerHandle>()
  #queue: Transfer[] = []

  constructor(host: SchedulerHost) {
    this.#host = host
  }

  /** Number of running and queued transfers. */
  get active(): number {
    return this.#timers.size + this.#queue.length
  }

  start(tokens: number, done: () => void): void {
    this.#queue.push({ tokens, done })
    this.#fill()
  }

  reset(): void {
    for (const timer of this.#timers) this.#host.clock.clearTimeout(timer)
    this.#timers.clear()
    this.#queue = []
  }

  #fill(): void {
    while (this.#timers.size < this.#host.knobs.transferWorkers) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#run(next)
    }
  }

  #run(transfer: Transfer): void {
    const { knobs, clock } = this.#host
    const bytesPerMs = (knobs.linkGBps * 1e6) / (this.#timers.size + 1)
    const timer = clock.setTimeout(
      () => {
        this.#timers.delete(timer)
        transfer.done()
        this.#fill()
      },
      knobs.transferSetupMs + (transfer.tokens * knobs.kvBytesPerToken) / bytesPerMs,
    )
    this.#timers.add(timer)
  }
}
