/** A comparison for people: a line a metric, for each pair of targets. */
import type { CompareMetric, CompareReport, CompareRound, Difference } from '../report/compare-schema.ts'

interface Look {
  readonly label: string
  readonly digits: number
  readonly divisor: number
}

const LOOKS: Readonly<Record<CompareMetric, Look>> = {
  successPercent: { label: 'right answers, %', digits: 2, divisor: 1 },
  requestsPerSecond: { label: 'requests/s', digits: 1, divisor: 1 },
  ttftP50Ms: { label: 'TTFT p50, ms', digits: 3, divisor: 1 },
  ttftP99Ms: { label: 'TTFT p99, ms', digits: 3, divisor: 1 },
  latencyP50Ms: { label: 'latency p50, ms', digits: 3, divisor: 1 },
  latencyP99Ms: { label: 'latency p99, ms', digits: 3, divisor: 1 },
  cpuUsPerRequest: { label: 'CPU a request, us', digits: 1, divisor: 1 },
  rssBytes: { label: 'RSS, MiB', digits: 1, divisor: 2 ** 20 },
}

export function roundText({ index, target, requests, ...round }: CompareRound): string {
  const wrong = requests.sent - requests.ok
  return `round ${index + 1}, ${target}: ${requests.ok} right${wrong === 0 ? '' : `, ${wrong} NOT`}, ${round.requestsPerSecond.toFixed(0)}/s, p50 ${round.latencyP50Ms.toFixed(2)} ms\n`
}

export function compareText(report: CompareReport): string {
  const { differences, rounds, load } = report
  const pairs = [...new Set(differences.map(({ base, target }) => `${target} against ${base}`))]
  const busy = rounds.filter(({ isGeneratorLimit }) => isGeneratorLimit).length
  const lines = [
    `${rounds.length} rounds of ${load.requestsPerRound} requests, ${load.concurrency} at a time, ${load.connectionMode}${load.isStream ? ', streams' : ''}${load.areTokensChecked ? ', every token checked' : ''}${report.wasInterrupted ? ' (interrupted)' : ''}`,
    ...pairs.flatMap(pair => pairLines(pair, differences)),
    ...(differences.length === 0 ? ['too few whole blocks to compare'] : [FOOTNOTE]),
    ...(busy === 0
      ? []
      : [
          `warning: a generator process was busy all the time in ${busy} rounds: it is the limit, not the target; take more --processes`,
        ]),
  ]
  return `${lines.join('\n')}\n`
}

const FOOTNOTE =
  'Median of the differences of the blocks; all intervals hold together with 95 %. They are about these processes:\n' +
  'two processes of one program differ a little, too. To compare programs, start both anew and compare again.'

function pairLines(pair: string, differences: readonly Difference[]): string[] {
  const own = differences.filter(({ base, target }) => `${target} against ${base}` === pair)
  const head = ['', 'base', 'target', 'difference', 'low', 'high', 'ratio'].map(cell)
  return [`${pair}, ${own[0]?.pairs ?? 0} blocks`, `  ${head.join('')}`, ...own.map(line)]
}

function line(difference: Difference): string {
  const { label, digits, divisor } = LOOKS[difference.metric]
  const { absolute, ratio, baseMedian, targetMedian } = difference
  const plain = [baseMedian, targetMedian].map(value => (value / divisor).toFixed(digits))
  const signed = [absolute.median, absolute.low, absolute.high].map(value =>
    withSign(value / divisor, digits),
  )
  const cells = [label, ...plain, ...signed, ratio === undefined ? '-' : ratio.median.toFixed(3)]
  return `  ${cells.map(cell).join('')}  ${difference.holdsZero ? 'no difference shown' : 'DIFFERENT'}`
}

function withSign(value: number, digits: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(digits)}`
}

function cell(text: string, at: number): string {
  return at === 0 ? text.padEnd(20) : text.padStart(12)
}
