/**
 * Keeps failure storms from flooding the log: of lines of the same kind the first ones of a period are written, the rest
 * is counted and becomes one summary at its end. While the storm lasts, there is only a summary a period. Pure; the clock
 * is an argument.
 */

export interface StormLimits {
  /** Number of lines of one kind that are written before the rest is summarized. */
  readonly burstLines: number
  readonly periodMs: number
}

/** Fields of a line whose values are counted, such as `{ cause: 'status' }`. */
export type LineFields = Readonly<Record<string, unknown>>

export interface StormSummary<Kind> {
  readonly kind: Kind
  /** Lines that were left out. */
  readonly count: number
  /** How often each value of the counted fields occurred: `{ cause: 'status=12 transport=3' }`. */
  readonly values: Readonly<Record<string, string>>
  /** Fields of the last line that was left out. */
  readonly last: LineFields
}

/** Fields with few values, which say what a storm is about. */
const COUNTED = ['endpoint', 'cause', 'status', 'prefill', 'decode', 'url'] as const
/** Values of a field that are counted by themselves; all others count as `other`. */
const MAX_VALUES = 16

interface Period<Kind> {
  readonly kind: Kind
  endMs: number
  /** Lines that may still be written in this period. */
  left: number
  count: number
  tallies: Map<string, Map<string, number>>
  last: LineFields
}

/** `Kind` is anything that a summary needs to know of the lines. */
export class StormFilter<Kind> {
  readonly #limits: StormLimits
  readonly #periods = new Map<string, Period<Kind>>()

  constructor(limits: StormLimits) {
    this.#limits = limits
  }

  /** When the next period ends; undefined if none has begun. */
  get nextEndMs(): number | undefined {
    const ends = [...this.#periods.values()].map(({ endMs }) => endMs)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }

  /** Whether the line is written. Lines with the same `key` are of one kind. */
  admits(key: string, kind: Kind, fields: LineFields, nowMs: number): boolean {
    const { burstLines, periodMs } = this.#limits
    const period = this.#periods.get(key) ?? begun(kind, nowMs + periodMs, burstLines)
    this.#periods.set(key, period)
    if (period.left > 0) {
      period.left--
      return true
    }
    period.count++
    period.last = fields
    for (const name of COUNTED) tally(period.tallies, name, fields[name])
    return false
  }

  /** Ends the periods that are over, all of them at `nowMs` = Infinity. */
  end(nowMs: number): StormSummary<Kind>[] {
    const summaries: StormSummary<Kind>[] = []
    for (const [key, period] of this.#periods) {
      if (period.endMs > nowMs) continue
      const { kind, count, tallies, last } = period
      if (count === 0) this.#periods.delete(key)
      else {
        summaries.push({ kind, count, values: textsOf(tallies), last })
        this.#periods.set(key, begun(kind, nowMs + this.#limits.periodMs, 0))
      }
    }
    return summaries
  }
}

function begun<Kind>(kind: Kind, endMs: number, left: number): Period<Kind> {
  return { kind, endMs, left, count: 0, tallies: new Map(), last: {} }
}

function tally(tallies: Map<string, Map<string, number>>, name: string, value: unknown): void {
  if (typeof value !== 'string' && typeof value !== 'number') return
  const counts = tallies.get(name) ?? new Map<string, number>()
  tallies.set(name, counts)
  const text = String(value)
  const counted = counts.has(text) || counts.size < MAX_VALUES ? text : 'other'
  counts.set(counted, (counts.get(counted) ?? 0) + 1)
}

function textsOf(tallies: ReadonlyMap<string, ReadonlyMap<string, number>>): Record<string, string> {
  return Object.fromEntries(
    [...tallies].map(([name, counts]) => [name, [...counts].map(([value, n]) => `${value}=${n}`).join(' ')]),
  )
}
