/** A load over time in steps of equal length: requests in flight, requests that ended, and latencies. Pure. */

import type { LoadResult } from '../load/records/result.ts'
import { percentileOf, sorted } from './percentiles.ts'
import type { Timeline } from './schema.ts'

const MIN_STEPS = 8
const MAX_STEPS = 60
const MIN_STEP_SECONDS = 0.05
/** With fewer requests per step the plots would be jagged. */
const REQUESTS_PER_STEP = 20

interface Interval {
  readonly fromMs: number
  readonly toMs: number
}

export function timelineOf({ records, unfinished }: LoadResult, durationSeconds: number): Timeline {
  const steps = stepsFor(durationSeconds, records.length)
  // All steps have the same length: a shorter last step would look like a drop.
  const stepSeconds = durationSeconds === 0 ? MIN_STEP_SECONDS : durationSeconds / steps
  const stepMs = stepSeconds * 1000
  const open = new Columns(steps, stepMs)
  const tokens = new Columns(steps, stepMs)
  const correct = new Columns(steps, stepMs)
  const errors = new Columns(steps, stepMs)
  const latencies = Array.from({ length: steps }, (): number[] => [])
  for (const { sentMs, endMs } of unfinished) open.spread({ fromMs: sentMs, toMs: endMs }, endMs - sentMs)
  for (const { sentMs, firstTokenMs, lastTokenMs, endMs, outcome, outputTokens } of records) {
    open.spread({ fromMs: sentMs, toMs: endMs }, endMs - sentMs)
    tokens.spread({ fromMs: firstTokenMs ?? endMs, toMs: lastTokenMs ?? endMs }, outputTokens)
    if (outcome === 'ok') {
      correct.add(endMs, 1)
      latencies[correct.stepOf(endMs)]?.push(endMs - sentMs)
    } else if (outcome !== 'left') errors.add(endMs, 1)
  }
  const ordered = latencies.map(sorted)
  return {
    stepSeconds,
    inFlight: open.per(stepMs),
    correctPerSecond: correct.per(stepSeconds),
    errorsPerSecond: errors.per(stepSeconds),
    outputTokensPerSecond: tokens.per(stepSeconds),
    latencyP50Ms: ordered.map(samples => percentileOrGap(samples, 50)),
    latencyP99Ms: ordered.map(samples => percentileOrGap(samples, 99)),
  }
}

function stepsFor(durationSeconds: number, requests: number): number {
  const wanted = Math.floor(Math.min(durationSeconds / MIN_STEP_SECONDS, requests / REQUESTS_PER_STEP))
  return Math.min(MAX_STEPS, Math.max(MIN_STEPS, wanted))
}

/** One number per step. */
class Columns {
  readonly #sums: Float64Array
  readonly #stepMs: number

  constructor(steps: number, stepMs: number) {
    this.#sums = new Float64Array(steps)
    this.#stepMs = stepMs
  }

  stepOf(ms: number): number {
    return Math.min(this.#sums.length - 1, Math.max(0, Math.floor(ms / this.#stepMs)))
  }

  add(atMs: number, amount: number): void {
    const step = this.stepOf(atMs)
    this.#sums[step] = (this.#sums[step] ?? 0) + amount
  }

  /** Distributes `amount` evenly over the interval. */
  spread({ fromMs, toMs }: Interval, amount: number): void {
    const lengthMs = toMs - fromMs
    if (lengthMs <= 0) return this.add(toMs, amount)
    for (let step = this.stepOf(fromMs); step <= this.stepOf(toMs); step++) {
      const beginMs = Math.max(fromMs, step * this.#stepMs)
      const endMs = step === this.#sums.length - 1 ? toMs : Math.min(toMs, (step + 1) * this.#stepMs)
      this.#sums[step] = (this.#sums[step] ?? 0) + (amount * Math.max(0, endMs - beginMs)) / lengthMs
    }
  }

  per(length: number): number[] {
    return Array.from(this.#sums, sum => thousandths(sum / length))
  }
}

function percentileOrGap(ordered: Float64Array, percent: number): number | null {
  return ordered.length === 0 ? null : thousandths(percentileOf(ordered, percent))
}

function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000
}
