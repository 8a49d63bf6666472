/** How a load stands, as text: two lines that are drawn again and again, or one for a log. Pure. */
import { figure, seconds, whole } from '../report/figures.ts'
import type { Standing } from './progress-state.ts'

const BAR_WIDTH = 30

/** `alarm` colours what has gone wrong. */
export function barText(standing: Standing, alarm: (text: string) => string): string {
  const { name, share, doneText, leftSeconds } = standing
  const full = Math.round(share * BAR_WIDTH)
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
  const left = leftSeconds === undefined || share === 1 ? '' : `   about ${seconds(leftSeconds)} left`
  return `${name}  ${bar}  ${percentOf(share).padStart(5)}   ${doneText}${left}\n  ${figuresOf(standing, alarm)}`
}

export function logLine(standing: Standing): string {
  return `${standing.name}: ${percentOf(standing.share)}, ${standing.doneText}; ${figuresOf(standing, text => text)}\n`
}

function figuresOf(standing: Standing, alarm: (text: string) => string): string {
  const { ended, perSecond, inFlight, p99Ms, wrong } = standing
  const errors = `${whole(wrong)} ${wrong === 1 ? 'error' : 'errors'}`
  return [
    `${figure(perSecond)} req/s`,
    `${whole(inFlight)} in flight`,
    `p99 ${p99Ms === undefined ? '-' : `${figure(p99Ms)} ms`}`,
    wrong === 0 ? errors : alarm(errors),
    `${whole(ended)} ended`,
  ].join('   ')
}

function percentOf(share: number): string {
  return `${Math.floor(share * 100)} %`
}
