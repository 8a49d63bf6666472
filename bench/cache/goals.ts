/** What the gateway must reach in the comparison, and whether it did. Pure. */
import { counted } from '../report/figures.ts'
import type { Goal } from '../report/goal-lines.ts'
import { type Cell, unevenness } from './cell.ts'
import type { ChooserName, WorkloadName } from './names.ts'
import type { CacheRow } from './rows.ts'
import type { ChangesResult } from './run-changes.ts'
import type { IndexResult } from './run-index.ts'

/** Percentage points that the hit rate may lie below the pinned load's. */
const HIT_POINTS = { gateway: 1, 'gateway-2-threads': 1, 'two-gateways': 4 } as const
const OVERLOAD_HIT_POINTS = 2
/** TTFT may be this multiple of the pinned load's, and this much more for the hop. */
const TTFT_FACTOR = 1.1
const HOP_MS = 2
const OVERLOAD_P99_FACTOR = 2
const MAX_UNEVENNESS = 1.5
const GAP_POINTS = 3
const MEMORY_FACTOR = 1.1
const CHOICE_P99_US = 50

const OWN = ['gateway', 'gateway-2-threads', 'two-gateways'] as const
const PEERS = ['sglang-router', 'smg'] as const
/** The workloads whose goals do not concern overload. */
const FIVE = ['regular-30', 'regular-60', 'zipf', 'conversations', 'pd'] as const

/** Goals of what was measured: those for which a row is missing are left out. */
export function workloadGoals(rows: readonly CacheRow[]): readonly Goal[] {
  const cellAt = (workload: WorkloadName, chooser: ChooserName) =>
    rows.find(row => row.workload === workload && row.chooser === chooser)?.cell
  return [
    ...rows.filter(({ chooser }) => OWN.some(own => own === chooser)).map(correctGoal),
    ...FIVE.flatMap(workload => OWN.flatMap(own => hitGoal(workload, own, cellAt, HIT_POINTS[own]))),
    ...FIVE.flatMap(workload => ttftGoals(workload, cellAt)),
    ...evenGoal(cellAt('zipf', 'gateway')),
    ...hitGoal('regular-120', 'gateway', cellAt, OVERLOAD_HIT_POINTS),
    ...overloadGoal(cellAt('regular-60', 'gateway'), cellAt('regular-120', 'gateway')),
  ]
}

export function changesGoals({ gapBefore, gapAfter, gapLater, lost }: ChangesResult): readonly Goal[] {
  const gaps = `${points(gapBefore)} before the changes, ${points(gapAfter)} in the 5 s after them, then ${points(gapLater)}`
  return [
    {
      text: `changes: 5 s after a cache was dropped and an engine replaced, predicted and reported share differ by at most ${GAP_POINTS} points`,
      measured: gaps,
      isMet: Math.abs(gapLater ?? Infinity) <= GAP_POINTS,
    },
    {
      text: 'changes: every response correct',
      measured: `${counted(lost, 'request')} lost`,
      isMet: lost === 0,
    },
  ]
}

export function indexGoals({
  blocks,
  rssMibFull,
  rssMibEnd,
  choiceP50Us,
  choiceP99Us,
}: IndexResult): readonly Goal[] {
  return [
    {
      text: `index: memory stays the same from when it is full until ${(blocks / 1e6).toFixed(0)} million blocks were offered`,
      measured: `${rssMibFull} MiB, then ${rssMibEnd} MiB`,
      isMet: rssMibEnd <= MEMORY_FACTOR * rssMibFull,
    },
    {
      text: `index: a choice takes less than ${CHOICE_P99_US} us (p99)`,
      measured: `p50 ${choiceP50Us} us, p99 ${choiceP99Us} us`,
      isMet: choiceP99Us < CHOICE_P99_US,
    },
  ]
}

type CellAt = (workload: WorkloadName, chooser: ChooserName) => Cell | undefined

function correctGoal({ workload, chooser, cell, message }: CacheRow): Goal {
  return {
    text: `${workload}: every response of ${chooser} correct`,
    measured: cell === undefined ? `not measured: ${message}` : `${cell.correct} of ${cell.sent}`,
    isMet: cell !== undefined && cell.correct === cell.sent,
  }
}

function hitGoal(workload: WorkloadName, own: ChooserName, cellAt: CellAt, within: number): Goal[] {
  const [ideal, cell] = [cellAt(workload, 'ideal'), cellAt(workload, own)]
  if (ideal === undefined || cell === undefined) return []
  return [
    {
      text: `${workload}: hit rate of ${own} within ${within === 1 ? '1 point' : `${within} points`} of ideal`,
      measured: `${cell.hitPercent.toFixed(1)}% of ${ideal.hitPercent.toFixed(1)}%`,
      isMet: cell.hitPercent >= ideal.hitPercent - within,
    },
  ]
}

function ttftGoals(workload: WorkloadName, cellAt: CellAt): Goal[] {
  const [ideal, own] = [cellAt(workload, 'ideal'), cellAt(workload, 'gateway')]
  if (own === undefined) return []
  const peers = PEERS.flatMap(peer => {
    const cell = cellAt(workload, peer)
    return cell === undefined ? [] : [{ text: `below ${peer}'s`, cell, factor: 1, addedMs: 0 }]
  })
  const limits = [
    ...(ideal === undefined
      ? []
      : [
          {
            text: `at most ${TTFT_FACTOR} of ideal's plus ${HOP_MS} ms`,
            cell: ideal,
            factor: TTFT_FACTOR,
            addedMs: HOP_MS,
          },
        ]),
    ...peers,
  ]
  return limits.map(({ text, cell, factor, addedMs }) => ({
    text: `${workload}: TTFT mean and p99 ${text}`,
    measured: `${ms(own.ttftMeanMs)} and ${ms(own.ttftP99Ms)}, there ${ms(cell.ttftMeanMs)} and ${ms(cell.ttftP99Ms)} ms`,
    isMet:
      own.ttftMeanMs <= factor * cell.ttftMeanMs + addedMs &&
      own.ttftP99Ms <= factor * cell.ttftP99Ms + addedMs,
  }))
}

function evenGoal(cell: Cell | undefined): Goal[] {
  if (cell === undefined) return []
  const measured = unevenness(cell)
  return [
    {
      text: `zipf: no engine computes more than ${MAX_UNEVENNESS} times the mean of uncached tokens`,
      measured: measured.toFixed(2),
      isMet: measured <= MAX_UNEVENNESS,
    },
  ]
}

function overloadGoal(at60: Cell | undefined, at120: Cell | undefined): Goal[] {
  if (at60 === undefined || at120 === undefined) return []
  return [
    {
      text: `regular-120: TTFT p99 below ${OVERLOAD_P99_FACTOR} times that of regular-60`,
      measured: `${ms(at120.ttftP99Ms)} and ${ms(at60.ttftP99Ms)} ms`,
      isMet: at120.ttftP99Ms < OVERLOAD_P99_FACTOR * at60.ttftP99Ms,
    },
  ]
}

function points(gap: number | undefined): string {
  return gap === undefined ? 'no prompt counted' : `${gap.toFixed(1)} points`
}

function ms(value: number): string {
  return value.toFixed(0)
}
