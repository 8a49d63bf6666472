/** Goals for the gateway in the table, and whether they were met. Pure. */
import type { Goal } from '../../report/goal-lines.ts'
import { GATEWAY } from '../loads/names.ts'
import type { RouterRow } from './rows.ts'

/** A goal without a measured value is missed. */
export function goalsOf(rows: readonly RouterRow[]): readonly Goal[] {
  const own = rows.filter(({ router }) => router === GATEWAY)
  return [...own.flatMap(cpuGoal), ...own.map(successGoal)]
}

function cpuGoal({ load, unit, goal, measured }: RouterRow): Goal[] {
  if (goal === undefined) return []
  const ratio = measured?.ratio
  return [
    {
      text: `${load}: CPU per ${unit} at most ${goal} of the better Rust router's`,
      measured: ratio === undefined ? 'not measured' : ratio.toFixed(2),
      isMet: ratio !== undefined && ratio <= goal,
    },
  ]
}

function successGoal({ load, measured, message }: RouterRow): Goal {
  const percent = measured?.correctPercent
  const reason = message === undefined ? '' : `: ${message}`
  return {
    text: `${load}: every response correct`,
    measured: percent === undefined ? `not measured${reason}` : `${percentText(percent)}%${reason}`,
    isMet: percent === 100 && message === undefined,
  }
}

/** Never rounds up to 100. */
export function percentText(percent: number): string {
  return percent === 100 ? '100' : (Math.floor(percent * 100) / 100).toFixed(2)
}
