/** What we want of ourselves in the table, beside what was seen. Pure. */
import { OURS } from '../start/router-list.ts'
import type { PeerRow } from './rows.ts'

export interface Aim {
  readonly text: string
  readonly seen: string
  readonly isMet: boolean
}

/** An aim whose figure is missing is a missed one: nothing was shown. */
export function aimsOf(rows: readonly PeerRow[]): readonly Aim[] {
  const own = rows.filter(({ router }) => router === OURS)
  return [...own.flatMap(cpuAim), ...own.map(successAim)]
}

function cpuAim({ load, unit, aim, measured }: PeerRow): Aim[] {
  if (aim === undefined) return []
  const ratio = measured?.ratio
  return [
    {
      text: `${load}: CPU a ${unit} at most ${aim} of the better Rust router's`,
      seen: ratio === undefined ? 'not measured' : ratio.toFixed(2),
      isMet: ratio !== undefined && ratio <= aim,
    },
  ]
}

function successAim({ load, measured, message }: PeerRow): Aim {
  const percent = measured?.rightPercent
  const why = message === undefined ? '' : `: ${message}`
  return {
    text: `${load}: every answer right`,
    seen: percent === undefined ? `not measured${why}` : `${percentText(percent)} %${why}`,
    isMet: percent === 100 && message === undefined,
  }
}

/** Never rounds up to 100. */
export function percentText(percent: number): string {
  return percent === 100 ? '100' : (Math.floor(percent * 100) / 100).toFixed(2)
}
