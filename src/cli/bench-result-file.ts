/** Flags of `bench serving` for the result file of vLLM's `bench serve`, as that tool names them. */
import { type Command, InvalidArgumentError } from 'commander'
import type { VllmOptions } from '../../bench/report/vllm-result.ts'

export type ResultOptions = Pick<VllmOptions, 'percentileMetrics' | 'percentiles'>

type Metric = VllmOptions['percentileMetrics'][number]
type Limits = NonNullable<VllmOptions['goodput']>

export function addResultFile(command: Command): Command {
  return command
    .option('--request-log <file>', 'Append a line of JSON for each request.')
    .option('--num-warmups <n>', 'Requests before the run that count for nothing.', count, 0)
    .option('--save-result', "Write vLLM's result file.")
    .option('--result-dir <folder>', 'Where to.', '.')
    .option('--result-filename <name>', "Its name, in place of vLLM's own.")
    .option('--label <text>', 'Goes into the file and its name.')
    .option('--metadata <key=value...>', 'Go into the file.')
    .option('--percentile-metrics <list>', 'Of ttft,tpot,itl,e2el.', metrics, ['ttft', 'tpot', 'itl'])
    .option('--metric-percentiles <list>', 'For each of them: 50,90,99 ...', percentiles, [99])
    .option('--goodput <metric:ms...>', 'Limits of a good request: ttft:200 tpot:50 e2el:1000.')
}

/** @throws InvalidArgumentError when one is not key=value. */
export function metadataOf(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map(text => splitAt(text, '=', '--metadata')))
}

/** @throws InvalidArgumentError when one names no metric or no time. */
export function goodputLimits(texts: readonly string[]): Limits {
  const limits: Partial<Record<'ttft' | 'tpot' | 'e2el', number>> = {}
  for (const text of texts) {
    const [name, value] = splitAt(text, ':', '--goodput')
    const ms = Number(value)
    if (!isLimited(name) || !(ms > 0))
      throw new InvalidArgumentError(`--goodput ${text}: it is ttft:MS, tpot:MS or e2el:MS.`)
    limits[name] = ms
  }
  return limits
}

function splitAt(text: string, sign: string, flag: string): [string, string] {
  const at = text.indexOf(sign)
  if (at < 1) throw new InvalidArgumentError(`${flag} ${text}: it is NAME${sign}VALUE.`)
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

function isLimited(name: string): name is 'ttft' | 'tpot' | 'e2el' {
  return name === 'ttft' || name === 'tpot' || name === 'e2el'
}

function isMetric(name: string): name is Metric {
  return isLimited(name) || name === 'itl'
}

function metrics(text: string): readonly Metric[] {
  const names = text.split(',')
  if (!names.every(isMetric)) throw new InvalidArgumentError('A list of ttft, tpot, itl and e2el is needed.')
  return names
}

function percentiles(text: string): readonly number[] {
  const values = text.split(',').map(Number)
  if (text === '' || !values.every(value => value > 0 && value <= 100))
    throw new InvalidArgumentError('A list of numbers above 0, up to 100, is needed.')
  return values
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.')
  return Number(text)
}
