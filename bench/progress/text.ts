/** The progress of a load as text: two lines for a terminal, or one for a log. Pure. */
import { counted, figure, seconds, whole } from '../report/figures.ts'
import type { ProgressState } from './progress-state.ts'

const BAR_WIDTH = 30

/** `alarm` highlights errors. */
export function barText(state: ProgressState, alarm: (text: string) => string): string {
  const { name, share, doneText, leftSeconds } = state
  const full = Math.round(share * BAR_WIDTH)
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
  const left = leftSeconds === undefined || share === 1 ? '' : `   about ${seconds(leftSeconds)} left`
  return `${name}  ${bar}  ${percentOf(share).padStart(4)}   ${doneText}${left}\n  ${figuresOf(state, alarm)}`
}

export function logLine(state: ProgressState): string {
  return `${state.name}: ${percentOf(state.share)}, ${state.doneText}; ${figuresOf(state, text => text)}\n`
}

function figuresOf(state: ProgressState, alarm: (text: string) => string): string {
  const { ended, perSecond, inFlight, p99Ms, errors } = state
  const errorText = counted(errors, 'error')
  return [
    `${figure(perSecond)} req/s`,
    `${whole(inFlight)} in flight`,
    `p99 ${p99Ms === undefined ? '-' : `${figure(p99Ms)} ms`}`,
    errors === 0 ? errorText : alarm(errorText),
    `${whole(ended)} ended`,
  ].join('   ')
}

function percentOf(share: number): string {
  return `${Math.floor(share * 100)}%`
}
