/**
 * The timer of a scheduler loop: one for all requests of an engine.
 *
 * A real engine computes in a process of its own, at a pace that does not depend on the process that writes the responses.
 * Here both share a thread, so steps that are late by at least the knob `catchUpMs` are made up for at once. A delay of
 * one second or more is not made up for: the machine was suspended, rather than busy with writing.
 */
import type { TimerHandle } from '../clock/clock.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'

const MAX_CATCH_UP_MS = 1000
const NEVER = Number.NEGATIVE_INFINITY

type StepHost = Pick<SchedulerHost, 'knobs' | 'clock' | 'random'>

export class StepTimer {
  readonly #host: StepHost
  readonly #run: () => void
  #timer: TimerHandle | undefined
  #dueMs = 0
  #stalledUntilMs = 0
  #paused = false
  #stepPending = false
  #running = false
  /** Steps due by this time are run at once: the time at which a timer fired late. */
  #catchUpToMs = NEVER

  constructor(host: StepHost, run: () => void) {
    this.#host = host
    this.#run = run
  }

  get isArmed(): boolean {
    return this.#timer !== undefined || this.#stepPending
  }

  /** Milliseconds until the next step; 0 when idle. */
  get remainingMs(): number {
    return this.isArmed ? Math.max(0, this.#dueMs - this.#host.clock.now()) : 0
  }

  /** Whether the current step will be followed at once by another one of `stepMs`, because that is due already. */
  isNextStepDue(stepMs: number): boolean {
    return this.#dueMs + stepMs <= this.#catchUpToMs
  }

  /**
   * Schedules the next step in `stepMs`, varied by the jitter knob. Within a step, the time counts from when that step was
   * due, unless it was too late to be made up for. No effect if a step is scheduled already.
   */
  arm(stepMs: number): void {
    if (this.isArmed) return
    const { knobs, clock, random } = this.#host
    const variedMs = knobs.jitter === 0 ? stepMs : stepMs * (1 + knobs.jitter * (2 * random() - 1))
    const nowMs = clock.now()
    const maxLateMs = knobs.catchUpMs > 0 ? MAX_CATCH_UP_MS : variedMs
    const isNext = this.#running && nowMs - this.#dueMs < maxLateMs
    this.#dueMs = (isNext ? this.#dueMs : nowMs) + variedMs
    this.#set()
  }

  /** Runs no step for `ms`, as if the loop were in a blocking call. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#host.clock.now() + ms
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (!this.#stepPending) return
    this.#stepPending = false
    this.#dueMs = this.#host.clock.now()
    this.#step()
  }

  stop(): void {
    this.#host.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#stepPending = false
    this.#paused = false
    this.#stalledUntilMs = 0
  }

  #set(): void {
    const { clock } = this.#host
    this.#timer = clock.setTimeout(() => this.#fire(), Math.max(0, this.#dueMs - clock.now()))
  }

  /** Runs one step, or all steps that are due by now if the timer fired late. */
  #fire(): void {
    const { clock } = this.#host
    const { catchUpMs } = this.#host.knobs
    const nowMs = clock.now()
    const lateMs = nowMs - this.#dueMs
    const isCatchingUp = catchUpMs > 0 && lateMs >= catchUpMs && lateMs < MAX_CATCH_UP_MS
    this.#catchUpToMs = isCatchingUp ? nowMs : NEVER
    do {
      clock.clearTimeout(this.#timer)
      this.#timer = undefined
      this.#step()
    } while (this.#timer !== undefined && this.#dueMs <= this.#catchUpToMs)
    this.#catchUpToMs = NEVER
  }

  #step(): void {
    if (this.#paused) {
      this.#stepPending = true
    } else if (this.#stalledUntilMs > this.#host.clock.now()) {
      this.#dueMs = this.#stalledUntilMs
      this.#set()
    } else {
      this.#running = true
      this.#run()
      this.#running = false
    }
  }
}
