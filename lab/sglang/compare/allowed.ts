/** Which differences between answers are allowed, and why; and which of these no longer occur. */
import type { Frontend } from '../engines/engine-command.ts'
import { type Difference, differenceText, NOTHING } from './differences.ts'

/** What the gateway's answer is compared with. */
export type Reference = 'unified' | 'simulator'

export interface AllowedDifference {
  /** Matches the pattern of the field. */
  readonly field: RegExp
  /** Matches the name of the case; by default all. */
  readonly cases?: RegExp
  /** By default both. */
  readonly frontends?: readonly Frontend[]
  /** Only members that the reference does not have. */
  readonly onlyAdded?: boolean
  readonly reason: string
}

/** Sorts the differences of one comparison after another into allowed ones and others. */
export class AllowedDifferences {
  readonly #rows: readonly AllowedDifference[]
  readonly #used = new Set<AllowedDifference>()

  /** `rows` are those of one reference, for any front end. */
  constructor(rows: readonly AllowedDifference[], frontend: Frontend) {
    this.#rows = rows.filter(({ frontends }) => frontends?.includes(frontend) !== false)
  }

  /** A text about the differences that are not allowed; undefined if there are none. */
  problemOf(name: string, found: readonly Difference[], limit = 4): string | undefined {
    const wrong = found.filter(difference => !this.#isAllowed(name, difference))
    if (wrong.length === 0) return undefined
    const texts = [...new Set(wrong.map(differenceText))]
    const more = texts.length > limit ? ` (and ${texts.length - limit} more)` : ''
    return texts.slice(0, limit).join('; ') + more
  }

  /** Rows that allowed nothing. */
  stale(): readonly AllowedDifference[] {
    return this.#rows.filter(row => !this.#used.has(row))
  }

  get rows(): readonly AllowedDifference[] {
    return this.#rows
  }

  #isAllowed(name: string, { pattern, expected }: Difference): boolean {
    const row = this.#rows.find(
      ({ field, cases, onlyAdded }) =>
        field.test(pattern) && cases?.test(name) !== false && (onlyAdded !== true || expected === NOTHING),
    )
    if (row !== undefined) this.#used.add(row)
    return row !== undefined
  }
}
