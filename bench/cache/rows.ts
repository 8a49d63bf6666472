/** Rows of the comparison: a workload and who chose the engines. Pure. */
import { spreadOf } from '../routers/costs/ratio.ts'
import type { Cell } from './cell.ts'
import type { ChooserName, WorkloadName } from './names.ts'

export interface CacheRow {
  readonly workload: WorkloadName
  readonly chooser: ChooserName
  /** Medians over the rounds; undefined if it could not be measured. */
  readonly cell: Cell | undefined
  /** Why it could not be measured, or what went wrong. */
  readonly message: string | undefined
}

/** The row of some rounds. `failure`: why there are no more of them. */
export function rowOf(
  { workload, chooser }: Pick<CacheRow, 'workload' | 'chooser'>,
  cells: readonly Cell[],
  failure: string | undefined,
): CacheRow {
  const [first] = cells
  const message = failure ?? cells.find(({ failures }) => failures !== undefined)?.failures
  if (first === undefined) return { workload, chooser, cell: undefined, message }
  const median = (value: (cell: Cell) => number) => spreadOf(cells.map(value)).median
  const sum = (value: (cell: Cell) => number) => cells.reduce((total, cell) => total + value(cell), 0)
  const cell = {
    sent: sum(({ sent }) => sent),
    correct: sum(({ correct }) => correct),
    failures: message,
    hitPercent: median(({ hitPercent }) => hitPercent),
    ttftMeanMs: median(({ ttftMeanMs }) => ttftMeanMs),
    ttftP50Ms: median(({ ttftP50Ms }) => ttftP50Ms),
    ttftP99Ms: median(({ ttftP99Ms }) => ttftP99Ms),
    uncachedTokens: first.uncachedTokens.map((_, engine) => median(one => one.uncachedTokens[engine] ?? 0)),
  }
  return { workload, chooser, cell, message }
}
