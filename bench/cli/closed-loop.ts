/** The closed-loop commands `basic`, `realistic`, `progressive` and `sustained`, with the flags and defaults of smg's benchmarks. */
import type { Command } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import type { BenchRun } from '../command/run-bench.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { count, seconds, targetUrl, whole, yesOrNo } from '../flags/values.ts'
import { addLoadFlags, type LoadFlags } from './load-flags.ts'
import { addReportFlags, reportPaths } from './report-flags.ts'

type Load = BenchLevel['load']

interface SharedOptions extends LoadFlags {
  readonly url: string
  readonly seed: number
  readonly requestLog?: string
}

interface ClosedLoopOptions extends SharedOptions {
  readonly requests: number
  readonly concurrency: number
  readonly minTokens: number
  readonly maxTokens: number
  readonly timeout: number
  readonly stream: boolean
  readonly duration: number
  readonly startConcurrency: number
  readonly maxConcurrency: number
  readonly step: number
  readonly requestsPerLevel: number
}

type Kind = (typeof KINDS)[number]

/** A run as requested by the flags, without terminal and signal. */
export type RequestedRun = Omit<BenchRun, keyof BenchTerminal>

const KINDS = ['basic', 'realistic', 'progressive', 'sustained'] as const

const MIN_PERCENT = 95
const ONE_PROMPT = ['What is the capital of France?']
const PROMPTS = [
  'Explain how a bicycle stays upright.',
  'Write a short story about a lighthouse keeper.',
  'What are the causes of the seasons?',
  'Summarise the plot of a famous play in five sentences.',
  'Give me a recipe for a soup with beans.',
  'Compare two ways to sort a list of numbers.',
  'Translate a letter of thanks into plain words.',
  'Describe a walk through a market in the morning.',
  'What should I look at when I buy a used car?',
  'Write a function that counts the words of a text.',
]

/** Adds the commands to `bench`; `start` is called with the run that the flags request. */
export function addClosedLoopCommands(bench: Command, start: (run: RequestedRun) => Promise<void>): void {
  for (const kind of KINDS) {
    const command = addSharedOptions(BUILDERS[kind](bench.command(kind)))
    command.action((options: ClosedLoopOptions) => start(closedLoopRun(kind, options, command)))
  }
}

const BUILDERS: Readonly<Record<Kind, (command: Command) => Command>> = {
  basic: command =>
    timeout(maxTokens(closed(command.description('Send one short prompt many times.')), 50), 60),
  realistic: command =>
    timeout(
      stream(
        closed(command.description('Send ten prompts with varied lengths and sampling parameters.'))
          .option('--min-tokens <n>', 'Minimum output tokens.', count, 100)
          .option('--max-tokens <n>', 'Maximum output tokens.', count, 500),
        true,
      ),
      120,
    ),
  progressive: command =>
    timeout(
      maxTokens(
        command.description(
          'Raise the concurrency level by level, until less than 95% of the responses are correct.',
        ),
        50,
      )
        .option('--start-concurrency <n>', 'Concurrency of the first level.', count, 10)
        .option('--max-concurrency <n>', 'Limit of the concurrency; no level exceeds it.', count, 1000)
        .option('--step <n>', 'Increase of the concurrency per level.', count, 10)
        .option('--requests-per-level <n>', 'Requests per level, but at least its concurrency.', count, 100),
      60,
    ),
  sustained: command =>
    timeout(
      stream(
        maxTokens(
          command
            .description('Send a steady load for some time.')
            .option('-c, --concurrency <n>', 'Concurrent requests.', count, 100)
            .option('-d, --duration <seconds>', 'Length of the run in seconds.', seconds, 60),
          50,
        ),
        false,
      ),
      60,
    ),
}

/** The run that the flags request. */
function closedLoopRun(kind: Kind, options: ClosedLoopOptions, command: Command): RequestedRun {
  const { url, requestLog } = options
  if (options.minTokens > options.maxTokens) command.error('error: --min-tokens must not exceed --max-tokens')
  if (options.startConcurrency > options.maxConcurrency)
    command.error('error: --start-concurrency must not exceed --max-concurrency')
  return {
    command: kind,
    url,
    levels: levelsOf(kind, options),
    ...(kind === 'progressive' ? { minPercent: MIN_PERCENT } : {}),
    ...reportPaths(command),
    ...(requestLog === undefined ? {} : { requestLog }),
  }
}

function levelsOf(kind: Kind, options: ClosedLoopOptions): BenchLevel[] {
  const load = { ...sharedLoad(options), timeoutMs: options.timeout * 1000, stallMs: options.timeout * 1000 }
  const arrivals = { kind: 'closed', concurrency: options.concurrency } as const
  const dataset = {
    kind: 'prompts',
    prompts: ONE_PROMPT,
    minTokens: options.maxTokens,
    maxTokens: options.maxTokens,
  } as const
  switch (kind) {
    case 'basic':
      return [{ name: kind, load: { ...load, requests: options.requests, arrivals, dataset } }]
    case 'realistic': {
      const varied = { ...dataset, prompts: PROMPTS, minTokens: options.minTokens }
      const rest = { isStream: options.stream, variedSampling: true, dataset: varied }
      return [{ name: kind, load: { ...load, requests: options.requests, arrivals, ...rest } }]
    }
    case 'sustained': {
      const rest = { isStream: options.stream, durationMs: options.duration * 1000, dataset }
      return [{ name: kind, load: { ...load, requests: Number.MAX_SAFE_INTEGER, arrivals, ...rest } }]
    }
    case 'progressive':
      return steps(options).map(concurrency => ({
        name: `concurrency ${concurrency}`,
        load: {
          ...load,
          // With fewer requests the level would never reach its concurrency.
          requests: Math.max(options.requestsPerLevel, concurrency),
          arrivals: { kind: 'closed', concurrency },
          dataset,
        },
      }))
  }
}

function steps({ startConcurrency, maxConcurrency, step }: ClosedLoopOptions): number[] {
  const length = Math.floor((maxConcurrency - startConcurrency) / step) + 1
  return Array.from({ length }, (_, index) => startConcurrency + index * step)
}

function sharedLoad(
  options: SharedOptions,
): Pick<Load, 'seed' | 'processes' | 'endpoint' | 'connection' | 'scriptSeed'> {
  const { seed, processes, endpoint, connectionMode, scriptSeed } = options
  return {
    seed,
    processes,
    endpoint,
    connection: connectionMode,
    ...(scriptSeed === undefined ? {} : { scriptSeed }),
  }
}

function closed(command: Command): Command {
  return command
    .option('-r, --requests <n>', 'Number of requests.', count, 1000)
    .option('-c, --concurrency <n>', 'Concurrent requests.', count, 100)
}

function maxTokens(command: Command, byDefault: number): Command {
  return command.option('-t, --max-tokens <n>', 'Output tokens.', count, byDefault)
}

function timeout(command: Command, byDefault: number): Command {
  return command.option('-T, --timeout <seconds>', 'Timeout of a request in seconds.', seconds, byDefault)
}

function stream(command: Command, byDefault: boolean): Command {
  return command.option('-s, --stream [bool]', 'Stream responses.', yesOrNo, byDefault)
}

function addSharedOptions(command: Command): Command {
  const withReport = addReportFlags(command)
    .option('--url <url>', 'URL of the target.', targetUrl, 'http://127.0.0.1:30000')
    .option('--request-log <file>', 'Append a line of JSON per request to this file.')
    .option('--seed <n>', 'Seed of all random choices.', whole, 1)
  return addLoadFlags(withReport)
}
