/**
 * Generates the load of one process: sends each request when it is due, whatever the state of the others.
 *
 * A single interval finds stalled and timed-out requests; only clients that leave have timers of their own.
 */

import { type Route, routesOf } from '../arrivals/routes.ts'
import { clientBehavior, concurrencyOf, dueTimes, type Share } from '../arrivals/share.ts'
import type { LoadPlan } from '../plan/plan.ts'
import { promptsOf } from '../prompts/datasets.ts'
import { type Prompt, type Prompts, promptText, requestBody } from '../prompts/prompt.ts'
import { GapLog } from '../records/gap-log.ts'
import type { GeneratorProgress } from '../records/progress.ts'
import type { RequestRecord, Unfinished } from '../records/record.ts'
import { SecondCounts } from '../records/second-counts.ts'
import type { Expected } from '../response/token-check.ts'
import { LoadRequest, type LoadRequestHost } from './load-request.ts'
import { LoadTarget } from './load-target.ts'
import { PrefillLeg } from './prefill-leg.ts'

const SWEEP_MS = 100
/** Pause of one client of a closed loop after a failed connect, so that a target that is down is not flooded. */
const COOLDOWN_MS = 100

export class Generator {
  readonly #plan: LoadPlan
  readonly #prompts: Prompts
  readonly #due: Float64Array | undefined
  readonly #share: Share
  readonly #limit: number
  readonly #routeAt: (index: number) => Route
  /** By URL. */
  readonly #targets = new Map<string, LoadTarget>()
  readonly #sources: readonly string[]
  readonly #open = new Map<LoadRequest, NodeJS.Timeout | undefined>()
  readonly #host: LoadRequestHost
  #records: RequestRecord[] = []
  #unfinished: Unfinished[] = []
  /** When each pause after a failed connect ends, in milliseconds since the start, ascending. */
  readonly #cooldowns: number[] = []
  #next: number
  #timer: NodeJS.Timeout | undefined
  #sweep: NodeJS.Timeout | undefined
  #startMs = 0
  #isStopped = false
  #isIssueSoon = false
  #finish: () => void = () => undefined

  /** @throws Error when the dataset cannot be read. */
  constructor(plan: LoadPlan, share: Share, sources: readonly string[]) {
    this.#plan = plan
    this.#share = share
    this.#next = share.process
    this.#prompts = promptsOf(plan.dataset, plan.seed)
    this.#due = dueTimes(plan, this.#prompts)
    this.#limit = concurrencyOf(plan, share)
    this.#routeAt = routesOf(plan, this.#prompts)
    this.#sources = sources
    this.#host = {
      nowMs: () => performance.timeOrigin + performance.now() - this.#startMs,
      itlMs: new GapLog(),
      iclMs: new GapLog(),
      tokensBySecond: new SecondCounts(),
      chunksBySecond: new SecondCounts(),
    }
  }

  get inFlight(): number {
    return this.#open.size
  }

  /** Resolves when the last request has ended. `startMs` is the start of the run as Unix time in milliseconds. */
  run(startMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#startMs = startMs
    this.#finish = resolve
    this.#sweep = setInterval(() => this.#sweepOpen(), SWEEP_MS)
    this.#timer = setTimeout(() => this.#issue(), Math.max(0, -this.#host.nowMs()))
    return promise
  }

  /** Stops sending and abandons open requests, which get no record. */
  stop(): void {
    this.#isStopped = true
    const endMs = this.#host.nowMs()
    for (const request of this.#open.keys()) {
      this.#unfinished.push({ sentMs: request.sentMs, endMs })
      this.#forget(request)
    }
    this.#endWhenDone()
  }

  /** Returns what has ended since the last call. */
  take(): Omit<GeneratorProgress, 'inFlight' | 'busyShare' | 'cpuShare'> {
    const [records, unfinished] = [this.#records, this.#unfinished]
    this.#records = []
    this.#unfinished = []
    const { itlMs, iclMs, tokensBySecond, chunksBySecond } = this.#host
    return {
      records,
      unfinished,
      itlMs: itlMs.take(),
      iclMs: iclMs.take(),
      tokensBySecond: tokensBySecond.take(),
      chunksBySecond: chunksBySecond.take(),
    }
  }

  /** Issues in a later turn of the event loop, not inside the callback that reads a response. */
  #issueSoon(): void {
    if (this.#isIssueSoon) return
    this.#isIssueSoon = true
    setImmediate(() => this.#issue())
  }

  #issue(): void {
    this.#isIssueSoon = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    const nowMs = this.#host.nowMs()
    while (this.#mayIssue(nowMs)) {
      const index = this.#next
      this.#next += this.#share.processes
      this.#send(index, this.#due?.[index] ?? nowMs)
    }
    this.#wait(nowMs)
    this.#endWhenDone()
  }

  #mayIssue(nowMs: number): boolean {
    while ((this.#cooldowns[0] ?? Infinity) <= nowMs) this.#cooldowns.shift()
    if (this.#hasIssuedAll(nowMs) || this.#open.size + this.#cooldowns.length >= this.#limit) return false
    return (this.#due?.[this.#next] ?? -Infinity) <= nowMs
  }

  #hasIssuedAll(nowMs: number): boolean {
    if (this.#isStopped || this.#next >= this.#plan.requests) return true
    return Math.max(nowMs, this.#due?.[this.#next] ?? 0) >= (this.#plan.durationMs ?? Infinity)
  }

  /** Sets the timer for the next due request or the end of a pause. A request that ends issues the next by itself. */
  #wait(nowMs: number): void {
    const due = this.#due?.[this.#next] ?? this.#cooldowns[0]
    if (due === undefined || this.#hasIssuedAll(nowMs) || this.#open.size >= this.#limit) return
    this.#timer = setTimeout(() => this.#issue(), Math.max(0, due - nowMs))
  }

  #send(index: number, scheduledMs: number): void {
    const prompt = this.#prompts.promptAt(index)
    const { url, prefillUrl, members } = this.#routeAt(index)
    const body = requestBody(this.#plan, prompt, index, members)
    const { leaveAfterMs, isSlow } = clientBehavior(this.#plan, index)
    const target = this.#targetOf(url)
    const connection = target.take()
    const options = {
      index,
      endpoint: this.#plan.endpoint,
      scheduledMs,
      expected: this.#expected(prompt),
      keepsRequestId: this.#plan.keepsRequestIds,
      keepsDetails: this.#plan.keepsDetails,
      slowBytesPerSecond: isSlow ? this.#plan.slowBytesPerSecond : undefined,
      onEnd: (ended: LoadRequest, record: RequestRecord) => this.#ended(ended, record, target),
    }
    const request = new LoadRequest(options, this.#host, connection)
    const leave = leaveAfterMs === undefined ? undefined : setTimeout(() => request.leave(), leaveAfterMs)
    this.#open.set(request, leave)
    if (prefillUrl !== undefined) PrefillLeg.send(this.#targetOf(prefillUrl), body, index)
    target.send(connection, body, index, request)
  }

  #targetOf(url: string): LoadTarget {
    const target = this.#targets.get(url) ?? new LoadTarget(url, this.#plan, this.#sources)
    this.#targets.set(url, target)
    return target
  }

  #expected(prompt: Prompt): Expected | undefined {
    const { scriptSeed: seed, ignoreEos } = this.#plan
    return seed === undefined
      ? undefined
      : { promptText: promptText(prompt), seed, maxTokens: prompt.maxTokens, ignoreEos }
  }

  #ended(request: LoadRequest, record: RequestRecord, target: LoadTarget): void {
    clearTimeout(this.#open.get(request))
    this.#open.delete(request)
    this.#records.push(record)
    if (this.#due === undefined && record.failure?.kind === 'connect')
      this.#cooldowns.push(record.endMs + COOLDOWN_MS)
    target.release(request.connection)
    this.#issueSoon()
  }

  #forget(request: LoadRequest): void {
    clearTimeout(this.#open.get(request))
    this.#open.delete(request)
    request.connection.destroy()
  }

  #sweepOpen(): void {
    const nowMs = this.#host.nowMs()
    for (const request of this.#open.keys()) {
      const [silentMs, ageMs] = [nowMs - request.lastReadMs, nowMs - request.sentMs]
      if (ageMs > this.#plan.timeoutMs) request.fail('timeout', `${Math.round(ageMs)} ms in all`)
      else if (silentMs > this.#plan.stallMs)
        request.fail('stall', `${Math.round(silentMs)} ms without a byte`)
    }
  }

  #endWhenDone(): void {
    if (this.#open.size > 0 || !this.#hasIssuedAll(this.#host.nowMs())) return
    clearTimeout(this.#timer)
    clearInterval(this.#sweep)
    for (const target of this.#targets.values()) target.close()
    this.#finish()
  }
}
