/** Flags of `bench serving` for the result file of vLLM's `bench serve`, named as in that tool. */
import { type Command, InvalidArgumentError } from 'commander'
import type { BenchRun } from '../command/run-bench.ts'
import { type Limits, SLO_METRICS } from '../report/goodput.ts'
import { VLLM_METRICS } from '../report/other-tools/vllm-metrics.ts'
import type { VllmOptions } from '../report/other-tools/vllm-result.ts'

export interface ResultOptions {
  readonly backend: string
  readonly requestRate: number
  readonly burstiness: number
  readonly maxConcurrency?: number
  readonly rampUpStrategy?: 'linear' | 'exponential'
  readonly rampUpStartRps?: number
  readonly rampUpEndRps?: number
  readonly label?: string
  readonly saveResult?: boolean
  readonly saveDetailed?: boolean
  readonly appendResult?: boolean
  readonly resultDir: string
  readonly resultFilename?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly percentileMetrics: VllmOptions['percentileMetrics']
  readonly metricPercentiles: VllmOptions['percentiles']
  readonly goodput?: Limits
}

type Metric = VllmOptions['percentileMetrics'][number]

export function addResultFlags(command: Command): Command {
  return command
    .option('--save-result', "Write vLLM's result file.")
    .option('--save-detailed', 'Write it with lengths, times, text and error of each request.')
    .option('--append-result', 'Append it to an existing file as another line.')
    .option('--result-dir <folder>', 'Folder of the result file.', '.')
    .option('--result-filename <name>', 'Name of the result file; default: the name that vLLM would choose.')
    .option('--label <text>', 'Text to store in the file and its name.')
    .option('--metadata <key=value...>', 'Entries to add to the file.', metadata)
    .option('--percentile-metrics <list>', `Metrics in the file, from ${VLLM_METRICS.join(',')}.`, metrics, [
      'ttft',
      'tpot',
      'itl',
    ])
    .option('--metric-percentiles <list>', 'Percentiles of each metric, such as 50,90,99.', percentiles, [99])
    .option(
      '--goodput <metric:ms...>',
      'Report the rate of requests within these limits, such as ttft:200 tpot:50 e2el:1000.',
      goodput,
    )
}

/** The requested file; empty if no flag requests it. */
export function resultFile(options: ResultOptions): Pick<BenchRun, 'vllm'> {
  const { saveResult, saveDetailed = false, appendResult = false } = options
  if (saveResult !== true && !saveDetailed && !appendResult) return {}
  const vllm = {
    backend: options.backend,
    label: options.label ?? null,
    requestRate: options.requestRate,
    burstiness: options.burstiness,
    maxConcurrency: options.maxConcurrency ?? null,
    ramp: rampOf(options),
    metadata: options.metadata ?? {},
    percentileMetrics: options.percentileMetrics,
    percentiles: options.metricPercentiles,
    goodput: options.goodput,
    isDetailed: saveDetailed,
  }
  const { resultDir: folder, resultFilename: fileName } = options
  return { vllm: { folder, fileName, isAppended: appendResult, options: vllm } }
}

function rampOf(options: ResultOptions): VllmOptions['ramp'] {
  const { rampUpStrategy: strategy, rampUpStartRps: startRps = 0, rampUpEndRps: endRps = 0 } = options
  return strategy === undefined ? undefined : { strategy, startRps, endRps }
}

function metadata(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [key, value] = splitAt(text, '=')
  return { ...before, [key]: value }
}

function goodput(text: string, before: Limits = {}): Limits {
  const [name, value] = splitAt(text, ':')
  const ms = Number(value)
  if (!SLO_METRICS.some(metric => metric === name) || !(ms > 0))
    throw new InvalidArgumentError(`Expected ${SLO_METRICS.map(metric => `${metric}:MS`).join(' or ')}.`)
  return { ...before, [name]: ms }
}

function splitAt(text: string, sign: string): [string, string] {
  const separator = text.indexOf(sign)
  if (separator < 1) throw new InvalidArgumentError(`Expected NAME${sign}VALUE.`)
  return [text.slice(0, separator).trim(), text.slice(separator + 1).trim()]
}

function isMetric(name: string): name is Metric {
  return VLLM_METRICS.some(metric => metric === name)
}

function metrics(text: string): readonly Metric[] {
  const names = text.split(',')
  if (!names.every(isMetric)) throw new InvalidArgumentError(`Expected a list of ${VLLM_METRICS.join(', ')}.`)
  return names
}

function percentiles(text: string): readonly number[] {
  const values = text.split(',').map(Number)
  if (text === '' || !values.every(value => value > 0 && value <= 100))
    throw new InvalidArgumentError('Expected a list of numbers above 0 and up to 100.')
  return values
}
