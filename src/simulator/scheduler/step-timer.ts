/**
 * The heartbeat of a scheduler loop: one timer for all requests of an engine.
 *
 * A real engine computes in a process of its own, at its own pace however busy the one that writes its answers
 * is. Here both share a thread: steps that are late by the knob `catchUpMs` are made up for at once. A gap of a
 * second or more is no busy writer but a machine that stood still, and is not made up for.
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
  #isPaused = false
  #isStepPending = false
  #isRunning = false
  /** What was due by then is made up for: the moment at which a timer fired far too late. */
  #catchUpToMs = NEVER

  constructor(host: StepHost, run: () => void) {
    this.#host = host
    this.#run = run
  }

  get isArmed(): boolean {
    return this.#timer !== undefined || this.#isStepPending
  }

  /** Until the step that is under way, 0 when idle. */
  get remainingMs(): number {
    return this.isArmed ? Math.max(0, this.#dueMs - this.#host.clock.now()) : 0
  }

  /** Whether the step that runs now is followed at once by another of `stepMs`, due already. */
  isNextStepDue(stepMs: number): boolean {
    return this.#dueMs + stepMs <= this.#catchUpToMs
  }

  /**
   * The next step in `stepMs`, varied by the jitter knob. Called from within a step it counts from when that
   * one was due, unless that is too long ago to be made up for. No effect while one is set.
   */
  arm(stepMs: number): void {
    if (this.isArmed) return
    const { knobs, clock, random } = this.#host
    const variedMs = knobs.jitter === 0 ? stepMs : stepMs * (1 + knobs.jitter * (2 * random() - 1))
    const nowMs = clock.now()
    const maxLateMs = knobs.catchUpMs > 0 ? MAX_CATCH_UP_MS : variedMs
    const isNext = this.#isRunning && nowMs - this.#dueMs < maxLateMs
    this.#dueMs = (isNext ? this.#dueMs : nowMs) + variedMs
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
    if (!this.#isStepPending) return
    this.#isStepPending = false
    this.#dueMs = this.#host.clock.now()
    this.#step()
  }

  stop(): void {
    this.#host.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isStepPending = false
    this.#isPaused = false
    this.#stalledUntilMs = 0
  }

  #set(): void {
    const { clock } = this.#host
    this.#timer = clock.setTimeout(() => this.#fire(), Math.max(0, this.#dueMs - clock.now()))
  }

  /** One step, or all that are due by now when the timer came far too late. */
  #fire(): void {
    const { clock } = this.#host
    const { catchUpMs } = this.#host.knobs
    const nowMs = clock.now()
    const lateMs = nowMs - this.#dueMs
    const isFarBehind = catchUpMs > 0 && lateMs >= catchUpMs && lateMs < MAX_CATCH_UP_MS
    this.#catchUpToMs = isFarBehind ? nowMs : NEVER
    do {
      clock.clearTimeout(this.#timer)
      this.#timer = undefined
      this.#step()
    } while (this.#timer !== undefined && this.#dueMs <= this.#catchUpToMs)
    this.#catchUpToMs = NEVER
  }

  #step(): void {
    if (this.#isPaused) {
      this.#isStepPending = true
    } else if (this.#stalledUntilMs > this.#host.clock.now()) {
      this.#dueMs = this.#stalledUntilMs
      this.#set()
    } else {
      this.#isRunning = true
      this.#run()
      this.#isRunning = false
    }
  }
}
