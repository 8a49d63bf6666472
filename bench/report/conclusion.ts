/** What came of a run, in one sentence: the head of the table's end and of the HTML report. Pure. */
import { counted, figure, percent, seconds, whole } from './figures.ts'
import { goneSince } from './gone.ts'
import type { Level, Report } from './schema.ts'

export interface Verdict {
  /** `open`: interrupted, or shows neither good nor bad. */
  readonly kind: 'good' | 'bad' | 'open'
  readonly sentence: string
}

type Judged = Pick<Report, 'levels' | 'leastPercent' | 'promises'>

export function verdictOf(report: Judged): Verdict {
  const { levels, promises } = report
  const [only, second] = levels
  if (only === undefined) return { kind: 'bad', sentence: 'Nothing was sent.' }
  const verdict = second === undefined ? verdictOfOne(only) : verdictOfMany(report)
  return promises.length === 0 ? verdict : withPromises(verdict, promises)
}

function withPromises({ kind, sentence }: Verdict, promises: Report['promises']): Verdict {
  const broken = promises.filter(({ holds }) => !holds).length
  if (broken === 0) return { kind, sentence: `${sentence} All ${promises.length} promises were kept.` }
  return { kind: 'bad', sentence: `${sentence} ${broken} of ${promises.length} promises were broken.` }
}

/** The one with the most good answers a second. @throws TypeError when there are none. */
export function bestOf(levels: readonly Level[]): Level {
  return levels.reduce((one, other) => (other.requestsPerSecond > one.requestsPerSecond ? other : one))
}

/** Too few right answers, in percent; a level of which nothing can be judged is not. */
export function isBelow({ successPercent }: Level, leastPercent: number): boolean {
  return (successPercent ?? leastPercent) < leastPercent
}

function verdictOfOne(level: Level): Verdict {
  const sentence = `${cutText(level)}${resultText(level)}${paceText(level)}.${goneText(level)}${limitText([level])}`
  return { kind: kindOf([level]), sentence }
}

function verdictOfMany({ levels, leastPercent }: Judged): Verdict {
  const best = bestOf(levels)
  const last = levels.at(-1) ?? best
  const sent = levels.reduce((sum, { requests }) => sum + requests.sent, 0)
  const wrong = levels.reduce((sum, { requests }) => sum + requests.failed + requests.refused, 0)
  const result = wrong === 0 ? 'all answers were right' : `${counted(wrong, 'request')} went wrong`
  const isStopped = !last.wasInterrupted && leastPercent !== null && isBelow(last, leastPercent)
  const stop = isStopped
    ? ` Stopped after ${last.name}: ${percent(last.successPercent)} right, below ${leastPercent} %.`
    : ''
  const most =
    best.requests.ok === 0 ? '' : `; most was ${figure(best.requestsPerSecond)} requests/s at ${best.name}`
  const cut = last.wasInterrupted ? `Interrupted in ${last.name}: ` : ''
  const text = `${cut}${counted(levels.length, 'level')}, ${counted(sent, 'request')}: ${result}${most}.`
  return { kind: kindOf(levels), sentence: `${text}${stop}${limitText(levels)}` }
}

function kindOf(levels: readonly Level[]): Verdict['kind'] {
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
  const judged = requests.ok + requests.failed + requests.refused
  const [worst] = Object.keys(level.failures)
  if (judged === 0) return nothingJudged(requests)
  if (requests.ok === 0) return `None of ${counted(judged, 'request')} was answered right (${worst})`
  const checked = areTokensChecked ? ', every token checked' : ''
  const all = judged === 1 ? 'The one request was' : `All ${counted(judged, 'request')} were`
  if (requests.ok === judged) return `${all} answered right${checked}`
  return `${whole(judged - requests.ok)} of ${counted(judged, 'request')} went wrong (${percent(level.successPercent)} right)`
}

function nothingJudged({ sent, left }: Level['requests']): string {
  if (sent === 0) return 'No request was sent: none was due in that time'
  if (left === 0) return 'No request has ended'
  return `${counted(left, 'client')} left before the end, as told: there is no answer to judge`
}

function paceText({ requests, requestsPerSecond, ttftMs, latencyMs }: Level): string {
  if (requests.ok === 0) return ''
  const ttft = ttftMs === null ? '' : `, TTFT p99 ${figure(ttftMs.p99)} ms`
  const latency = latencyMs === null ? '' : `, latency p99 ${figure(latencyMs.p99)} ms`
  return `: ${figure(requestsPerSecond)} requests/s${ttft}${latency}`
}

function goneText(level: Level): string {
  const since = level.requests.ok === 0 ? undefined : goneSince(level)
  return since === undefined ? '' : ` From ${seconds(since)} on the target took no connection any more.`
}

function limitText(levels: readonly Level[]): string {
  return levels.some(({ generator }) => generator.isLimit)
    ? ' The load generator was busy: it may be the limit, not the target; take more --processes or more at a time.'
    : ''
}
