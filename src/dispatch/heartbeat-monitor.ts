/** Polls the heartbeats of router threads and reports the threads whose event loop is blocked. */
import { Poll } from '../core/poll.ts'
import { beatEveryMs, Heartbeats } from '../shared/heartbeats.ts'
import type { SharedMemory } from '../shared/layout.ts'
import { StallClock } from './stall-clock.ts'

export interface HeartbeatMonitorOptions {
  readonly shared: SharedMemory
  /** Time without a heartbeat after which a thread counts as blocked. */
  readonly stallMs: number
  /** The threads that should be alive. */
  readonly threads: () => readonly number[]
  /** Called once each time a thread is found blocked. */
  readonly onStall: (thread: number) => void
}

export class HeartbeatMonitor {
  readonly #options: HeartbeatMonitorOptions
  readonly #heartbeats: Heartbeats
  readonly #stalls: StallClock
  readonly #poll: Poll

  constructor(options: HeartbeatMonitorOptions) {
    this.#options = options
    this.#heartbeats = new Heartbeats(options.shared)
    const everyMs = beatEveryMs(options.stallMs)
    this.#stalls = new StallClock(options.stallMs, everyMs)
    this.#poll = new Poll(everyMs, () => this.#step())
  }

  start(): void {
    this.#poll.start()
  }

  /** The thread has died; its successor starts with a full `stallMs`. */
  forget(thread: number): void {
    this.#stalls.forget(thread)
  }

  close(): void {
    this.#poll.stop()
  }

  #step(): void {
    const beats = this.#options.threads().map(thread => [thread, this.#heartbeats.beatsOf(thread)] as const)
    for (const thread of this.#stalls.poll(performance.now(), new Map(beats))) {
      this.#stalls.forget(thread)
      this.#options.onStall(thread)
    }
  }
}
