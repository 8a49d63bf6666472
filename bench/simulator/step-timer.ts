/**
 * The heartbeat of a scheduler loop: one timer for all requests of an engine.
 *
 * Steps keep their pace when a timer fires late (the next one is due from when this one was), but a loop
 * that fell behind by more than a step does not catch up: a real engine would not either.
 */
import type { TimerHandle } from './clock.ts'
import type { SchedulerHost } from './scheduler.ts'

export class StepTimer {
  readonly #host: SchedulerHost
  readonly #run: () => void
  #timer: TimerHandle | undefined
  #dueMs = 0
  #stalledUntilMs = 0
  #isPaused = false
  #isOwed = false

  constructor(host: SchedulerHost, run: () => void) {
    this.#host = host
    this.#run = run
  }

  get isArmed(): boolean {
    return this.#timer !== undefined || this.#isOwed
  }

  /** Until the step that is under way, 0 when idle. */
  get remainingMs(): number {
    return this.isArmed ? Math.max(0, this.#dueMs - this.#host.clock.now()) : 0
  }

  /** The next step in `stepMs`, varied by the jitter knob. No effect while one is set. */
  arm(stepMs: number): void {
    if (this.isArmed) return
    const { knobs, clock, chance } = this.#host
    const variedMs = knobs.jitter === 0 ? stepMs : stepMs * (1 + knobs.jitter * (2 * chance() - 1))
    const nowMs = clock.now()
    const lateMs = nowMs - this.#dueMs
    this.#dueMs = (lateMs >= 0 && lateMs < variedMs ? this.#dueMs : nowMs) + variedMs
    this.#set()
  }

  /** Nothing runs for `ms`: the loop is stuck in a blocking call. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#host.clock.now() + ms
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    if (!this.#isOwed) return
    this.#isOwed = false
    this.#run()
  }

  stop(): void {
    this.#host.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isOwed = false
    this.#isPaused = false
    this.#stalledUntilMs = 0
  }

  #set(): void {
    const { clock } = this.#host
    this.#timer = clock.setTimeout(() => this.#fire(), Math.max(0, this.#dueMs - clock.now()))
  }

  #fire(): void {
    this.#timer = undefined
    if (this.#isPaused) {
      this.#isOwed = true
    } else if (this.#stalledUntilMs > this.#host.clock.now()) {
      this.#dueMs = this.#stalledUntilMs
      this.#set()
    } else {
      this.#run()
    }
  }
}
