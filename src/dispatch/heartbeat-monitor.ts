/** Looks at the heartbeats of router threads from time to time, and says which of them stand still. */
import { beatEveryMs, Heartbeats } from '../shared/heartbeats.ts'
import type { SharedMemory } from '../shared/layout.ts'
import { StallClock } from './stall-clock.ts'

export interface HeartbeatMonitorOptions {
  readonly shared: SharedMemory
  readonly stallMs: number
  /** Those that should be alive. */
  readonly threads: () => readonly number[]
  /** Once for each time that a thread stands still. */
  readonly onStall: (thread: number) => void
}

export class HeartbeatMonitor {
  readonly #options: HeartbeatMonitorOptions
  readonly #heartbeats: Heartbeats
  readonly #everyMs: number
  readonly #stalls: StallClock
  #timer: NodeJS.Timeout | undefined

  constructor(options: HeartbeatMonitorOptions) {
    this.#options = options
    this.#heartbeats = new Heartbeats(options.shared)
    this.#everyMs = beatEveryMs(options.stallMs)
    this.#stalls = new StallClock(options.stallMs, this.#everyMs)
  }

  start(): void {
    this.#timer = setInterval(() => this.#poll(), this.#everyMs)
  }

  /** The thread is gone; a successor starts anew. */
  forget(thread: number): void {
    this.#stalls.forget(thread)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #poll(): void {
    const beats = this.#options.threads().map(thread => [thread, this.#heartbeats.beatsOf(thread)] as const)
    for (const thread of this.#stalls.poll(performance.now(), new Map(beats))) {
      this.#stalls.forget(thread)
      this.#options.onStall(thread)
    }
  }
}
