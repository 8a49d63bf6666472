/** A comparison as text: one line per metric for each pair of targets. */
import { METRIC_FORMATS } from '../report/compare-metrics.ts'
import type { CompareReport, CompareRound, Difference } from '../report/compare-schema.ts'
import { counted, figure, whole } from '../report/figures.ts'

export function roundText({ index, target, requests, ...round }: CompareRound): string {
  const wrong = requests.sent - requests.ok
  return `round ${index + 1}, ${target}: ${requests.ok} correct${wrong === 0 ? '' : `, ${wrong} FAILED`}, ${round.requestsPerSecond.toFixed(0)}/s, p50 ${round.latencyP50Ms === undefined ? '-' : `${round.latencyP50Ms.toFixed(2)} ms`}\n`
}

export function compareText(report: CompareReport): string {
  const { differences, rounds, load } = report
  const pairs = [...new Set(differences.map(({ base, target }) => `${target} against ${base}`))]
  const busy = rounds.filter(({ isGeneratorLimit }) => isGeneratorLimit).length
  const lines = [
    `${rounds.length} rounds of ${load.requestsPerRound} requests, ${load.concurrency} concurrent, ${load.connectionMode}${load.isStream ? ', streams' : ''}${load.areTokensChecked ? ', every token checked' : ''}${report.wasInterrupted ? ' (interrupted)' : ''}`,
    ...report.targets.flatMap(({ name }) => wrongLine(name, rounds)),
    ...pairs.flatMap(pair => pairLines(pair, differences)),
    ...(differences.length === 0 ? ['too few complete blocks to compare'] : [FOOTNOTE]),
    ...(busy === 0
      ? []
      : [
          `warning: a generator process was saturated in ${counted(busy, 'round')} and may be the limit instead of the target; use more --processes`,
        ]),
  ]
  return `${lines.join('\n')}\n`
}

/** With few blocks the intervals are wide, so failures are listed explicitly too. */
function wrongLine(name: string, rounds: readonly CompareRound[]): string[] {
  const own = rounds.filter(({ target }) => target === name)
  const sum = (key: 'sent' | 'ok') => own.reduce((total, { requests }) => total + requests[key], 0)
  const wrong = sum('sent') - sum('ok')
  return wrong === 0 ? [] : [`${name}: ${whole(wrong)} of ${counted(sum('sent'), 'request')} failed`]
}

const FOOTNOTE =
  'Median of the differences of the blocks; all intervals hold together with 95% confidence. They apply to these\n' +
  'processes: even two processes of one program differ a little. To compare programs, restart both and repeat.'

function pairLines(pair: string, differences: readonly Difference[]): string[] {
  const own = differences.filter(({ base, target }) => `${target} against ${base}` === pair)
  const head = ['', 'base', 'target', 'difference', 'low', 'high', 'ratio'].map(cell)
  return [`${pair}, ${own[0]?.pairs ?? 0} blocks`, `  ${head.join('')}`, ...own.map(line)]
}

function line({ metric, absolute, ratio, baseMedian, targetMedian, holdsZero }: Difference): string {
  const { label, unit, divisor } = METRIC_FORMATS[metric]
  const plain = [baseMedian, targetMedian].map(value => figure(value / divisor))
  const signed = [absolute.median, absolute.low, absolute.high].map(value => withSign(value / divisor))
  const cells = [
    `${label}, ${unit.trim()}`,
    ...plain,
    ...signed,
    ratio === undefined ? '-' : ratio.median.toFixed(3),
  ]
  return `  ${cells.map(cell).join('')}  ${holdsZero ? 'no difference shown' : 'DIFFERENT'}`
}

function withSign(value: number): string {
  return `${value > 0 ? '+' : ''}${figure(value)}`
}

function cell(text: string, column: number): string {
  return column === 0 ? text.padEnd(24) : text.padStart(12)
}
