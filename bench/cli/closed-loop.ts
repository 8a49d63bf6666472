/** The four benchmarks of the original project: its flags, short and long, its defaults, and what they ask for. */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import type { BenchRun } from '../command/run-bench.ts'
import { addReportFlags, reportPlaces } from './report-flags.ts'
import { count, seconds, targetUrl, whole, yesOrNo } from '../flags/values.ts'

type Load = BenchLevel['load']

interface SharedOptions {
  readonly url: string
  readonly seed: number
  readonly processes: number
  readonly endpoint: 'generate' | 'chat' | 'completions'
  readonly connectionMode: 'keep-alive' | 'per-request'
  readonly scriptSeed?: number
  readonly requestLog?: string
}

interface OriginalOptions extends SharedOptions {
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

/** A run as the flags ask for it; the terminal and the signal come from elsewhere. */
export type RunOfFlags = Omit<BenchRun, 'out' | 'err' | 'terminal' | 'signal'>

const KINDS = ['basic', 'realistic', 'progressive', 'sustained'] as const

const LEAST_PERCENT = 95
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

/** Adds the four to `bench`; `start` is told of each run that somebody asks for. */
export function addOriginalCommands(bench: Command, start: (run: RunOfFlags) => Promise<void>): void {
  for (const kind of KINDS) {
    const command = addSharedOptions(BUILDERS[kind](bench.command(kind)))
    command.action((options: OriginalOptions) => start(originalRun(kind, options, command)))
  }
}

const BUILDERS: Readonly<Record<Kind, (command: Command) => Command>> = {
  basic: command => timeout(maxTokens(closed(command.description('One short prompt, many times.')), 50), 60),
  realistic: command =>
    timeout(
      stream(
        closed(command.description('Ten prompts, varied lengths and sampling.'))
          .option('--min-tokens <n>', 'Least tokens of an answer.', count, 100)
          .option('--max-tokens <n>', 'Most tokens of an answer.', count, 500),
        true,
      ),
      120,
    ),
  progressive: command =>
    timeout(
      maxTokens(command.description('More and more at a time, until fewer than 95 % are right.'), 50)
        .option('--start-concurrency <n>', 'Requests at a time of the first level.', count, 10)
        .option('--max-concurrency <n>', 'Of the last level.', count, 1000)
        .option('--step <n>', 'More at each level.', count, 10)
        .option(
          '--requests-per-level <n>',
          'Requests of a level; as many as go at a time, when that is more.',
          count,
          100,
        ),
      60,
    ),
  sustained: command =>
    timeout(
      stream(
        maxTokens(
          command
            .description('A steady load for a time.')
            .option('-c, --concurrency <n>', 'Requests at a time.', count, 100)
            .option('-d, --duration <seconds>', 'Length of the run.', seconds, 60),
          50,
        ),
        false,
      ),
      60,
    ),
}

/** What the flags mean. */
function originalRun(kind: Kind, options: OriginalOptions, command: Command): RunOfFlags {
  const { url, requestLog } = options
  if (options.minTokens > options.maxTokens) command.error('error: --min-tokens is more than --max-tokens')
  if (options.startConcurrency > options.maxConcurrency)
    command.error('error: --start-concurrency is more than --max-concurrency')
  return {
    command: kind,
    url,
    levels: levelsOf(kind, options),
    ...(kind === 'progressive' ? { leastPercent: LEAST_PERCENT } : {}),
    ...reportPlaces(command),
    ...(requestLog === undefined ? {} : { requestLog }),
  }
}

function levelsOf(kind: Kind, options: OriginalOptions): BenchLevel[] {
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
          // With fewer the level would never have so many at a time as its name says.
          requests: Math.max(options.requestsPerLevel, concurrency),
          arrivals: { kind: 'closed', concurrency },
          dataset,
        },
      }))
  }
}

function steps({ startConcurrency, maxConcurrency, step }: OriginalOptions): number[] {
  const length = Math.floor((maxConcurrency - startConcurrency) / step) + 1
  return Array.from({ length }, (_, at) => startConcurrency + at * step)
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
    .option('-r, --requests <n>', 'Requests in all.', count, 1000)
    .option('-c, --concurrency <n>', 'Requests at a time.', count, 100)
}

function maxTokens(command: Command, byDefault: number): Command {
  return command.option('-t, --max-tokens <n>', 'Tokens of an answer.', count, byDefault)
}

function timeout(command: Command, byDefault: number): Command {
  return command.option('-T, --timeout <seconds>', 'Longest time of a request.', seconds, byDefault)
}

function stream(command: Command, byDefault: boolean): Command {
  return command.option('-s, --stream [bool]', 'Streamed answers.', yesOrNo, byDefault)
}

function addSharedOptions(command: Command): Command {
  return addReportFlags(command)
    .option('--url <url>', 'The target.', targetUrl, 'http://127.0.0.1:30000')
    .option('--request-log <file>', 'Append a line of JSON for each request.')
    .option('--seed <n>', 'Of all chance.', whole, 1)
    .option('--processes <n>', 'Processes that make the load.', count, 1)
    .option(
      '--script-seed <n>',
      'Seed of simulated engines (found out when they have their default one).',
      whole,
    )
    .addOption(
      new Option('--endpoint <name>').choices(['generate', 'chat', 'completions']).default('generate'),
    )
    .addOption(
      new Option('--connection-mode <mode>').choices(['keep-alive', 'per-request']).default('keep-alive'),
    )
}
