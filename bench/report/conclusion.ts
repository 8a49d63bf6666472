/** The conclusion of a run in a sentence, for the terminal and the HTML report. Pure. */

import { unreachableSince } from './connection-loss.ts'
import { counted, figure, percent, seconds, whole } from './figures.ts'
import type { Level, Report } from './schema.ts'

export interface Conclusion {
  /** `open`: interrupted, or neither good nor bad. */
  readonly kind: 'good' | 'bad' | 'open'
  readonly sentence: string
}

type ConclusionInput = Pick<Report, 'levels' | 'minPercent' | 'expectations'>

export function conclusionOf(report: ConclusionInput): Conclusion {
  const { levels, expectations } = report
  const [only, second] = levels
  if (only === undefined) return { kind: 'bad', sentence: 'Nothing was sent.' }
  const conclusion = second === undefined ? conclusionOfOne(only) : conclusionOfMany(report)
  return expectations.length === 0 ? conclusion : withExpectations(conclusion, expectations)
}

function withExpectations({ kind, sentence }: Conclusion, expectations: Report['expectations']): Conclusion {
  const broken = expectations.filter(({ holds }) => !holds).length
  if (broken === 0) return { kind, sentence: `${sentence} All ${expectations.length} expectations were met.` }
  return {
    kind: 'bad',
    sentence: `${sentence} ${broken} of ${expectations.length} expectations were not met.`,
  }
}

/** The level with the most correct responses per second. @throws TypeError without levels. */
export function bestOf(levels: readonly Level[]): Level {
  return levels.reduce((best, level) => (level.requestsPerSecond > best.requestsPerSecond ? level : best))
}

/** Whether a level has a lower percentage of correct responses. A level without any response does not. */
export function isBelow({ successPercent }: Level, minPercent: number): boolean {
  return (successPercent ?? minPercent) < minPercent
}

function conclusionOfOne(level: Level): Conclusion {
  const sentence = `${cutText(level)}${resultText(level)}${paceText(level)}.${unreachableText(level)}${limitText([level])}`
  return { kind: kindOf([level]), sentence }
}

function conclusionOfMany({ levels, minPercent }: ConclusionInput): Conclusion {
  const best = bestOf(levels)
  const last = levels.at(-1) ?? best
  const sent = levels.reduce((sum, { requests }) => sum + requests.sent, 0)
  const wrong = levels.reduce((sum, { requests }) => sum + requests.failed + requests.refused, 0)
  const result = wrong === 0 ? 'all responses were correct' : `${counted(wrong, 'request')} failed`
  const isStopped = !last.wasInterrupted && minPercent !== null && isBelow(last, minPercent)
  const stop = isStopped
    ? ` Stopped after ${last.name}: ${percent(last.successPercent)} correct, below ${minPercent}%.`
    : ''
  const peak =
    best.requests.ok === 0 ? '' : `; peak was ${figure(best.requestsPerSecond)} requests/s at ${best.name}`
  const cut = last.wasInterrupted ? `Interrupted in ${last.name}: ` : ''
  const text = `${cut}${counted(levels.length, 'level')}, ${counted(sent, 'request')}: ${result}${peak}.`
  return { kind: kindOf(levels), sentence: `${text}${stop}${limitText(levels)}` }
}

function kindOf(levels: readonly Level[]): Conclusion['kind'] {
  if (levels.some(({ requests }) => requests.failed + requests.refused > 0)) return 'bad'
  if (levels.some(({ wasInterrupted }) => wasInterrupted)) return 'open'
  if (levels.some(({ requests }) => requests.sent === 0)) return 'bad'
  return levels.every(({ requests }) => requests.ok === 0) ? 'open' : 'good'
}

function cutText({ wasInterrupted, durationSeconds, requests }: Level): string {
  if (!wasInterrupted) return ''
  const open = requests.unfinished === 0 ? '' : ` with ${counted(requests.unfinished, 'request')} open`
  return `Interrupted after ${seconds(durationSeconds)}${open}. `
}

function resultText(level: Level): string {
  const { requests, areTokensChecked } = level
  const answered = requests.ok + requests.failed + requests.refused
  const [worst] = Object.keys(level.failures)
  if (answered === 0) return noneAnswered(requests)
  if (requests.ok === 0) return `None of ${counted(answered, 'request')} was answered correctly (${worst})`
  const checked = areTokensChecked ? ', every token checked' : ''
  const all = answered === 1 ? 'The one request was' : `All ${counted(answered, 'request')} were`
  if (requests.ok === answered) return `${all} answered correctly${checked}`
  return `${whole(answered - requests.ok)} of ${counted(answered, 'request')} failed (${percent(level.successPercent)} correct)`
}

function noneAnswered({ sent, left }: Level['requests']): string {
  if (sent === 0) return 'No request was sent: none was due in that time'
  if (left === 0) return 'No request has ended'
  return `${counted(left, 'client')} left before the end, as planned: no response could be checked`
}

function paceText({ requests, requestsPerSecond, ttftMs, latencyMs }: Level): string {
  if (requests.ok === 0) return ''
  const ttft = ttftMs === null ? '' : `, TTFT p99 ${figure(ttftMs.p99)} ms`
  const latency = latencyMs === null ? '' : `, latency p99 ${figure(latencyMs.p99)} ms`
  return `: ${figure(requestsPerSecond)} requests/s${ttft}${latency}`
}

function unreachableText(level: Level): string {
  const since = level.requests.ok === 0 ? undefined : unreachableSince(level)
  return since === undefined ? '' : ` From ${seconds(since)} on the target accepted no connections.`
}

function limitText(levels: readonly Level[]): string {
  return levels.some(({ generator }) => generator.isLimit)
    ? ' The load generator was saturated and may be the limit instead of the target; use more --processes or a higher concurrency.'
    : ''
}
