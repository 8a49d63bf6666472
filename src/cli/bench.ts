/** `pd-gateway bench …`: the four benchmarks of the original project and `serving`, as flags. The rest is in `bench/`. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { BenchLevel, BenchRun } from '../../bench/command/run-bench.ts'
import { addCompareCommand, type CompareOptions, compareRun } from './bench-compare.ts'
import { addFaultsCommand, type FaultsOptions, faultsRun } from './bench-faults.ts'
import { addServingCommand, type ServingOptions, servingRun } from './bench-serving.ts'
import type { CliParts } from './parts.ts'

type Load = BenchLevel['load']

interface SharedOptions {
  readonly url: string
  readonly jsonReport?: boolean
  readonly reportDir: string
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

type Kind = 'basic' | 'realistic' | 'progressive' | 'sustained'

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

/** `run`: what becomes of a run that is ready; the default loads the bench and makes it. */
export function addBenchCommands(
  program: Command,
  parts: CliParts,
  done: (code: number) => void,
  run: (run: BenchRun) => Promise<number> = lazily,
): Command {
  const bench = program.command('bench').description('Load a gateway and say how it does.')
  const start = async (what: Omit<BenchRun, 'out' | 'err' | 'signal'>) => {
    done(await untilInterrupted(parts, signal => run({ ...what, out: parts.out, err: parts.err, signal })))
  }
  for (const [kind, build] of Object.entries(BUILDERS)) {
    const command = build(bench.command(kind))
    addSharedOptions(command).action((options: OriginalOptions) => start(originalRun(kindOf(kind), options)))
  }
  addServingCommand(bench).action((options: ServingOptions) => start(servingRun(options)))
  addCompareCommand(bench).action(async (options: CompareOptions) => {
    const what = { ...compareRun(options), out: parts.out, err: parts.err }
    const { runCompare } = await import('../../bench/command/run-compare.ts')
    done(await untilInterrupted(parts, signal => runCompare({ ...what, signal })))
  })
  addFaultsCommand(bench).action(async (options: FaultsOptions) => {
    const { runFaults } = await import('../../bench/command/run-faults.ts')
    const what = { ...faultsRun(options), out: parts.out, err: parts.err }
    done(await untilInterrupted(parts, signal => runFaults({ ...what, signal })))
  })
  return bench
}

const BUILDERS: Readonly<Record<Kind, (command: Command) => Command>> = {
  basic: command => timeout(maxTokens(closed(command.description('One short prompt, many times.')), 50), 60),
  realistic: command =>
    timeout(
      stream(
        closed(command.description('Ten prompts, varied lengths and sampling.'))
          .option('--min-tokens <n>', 'Least tokens of an answer.', whole, 100)
          .option('--max-tokens <n>', 'Most tokens of an answer.', whole, 500),
        true,
      ),
      120,
    ),
  progressive: command =>
    timeout(
      maxTokens(command.description('More and more at a time, until fewer than 95 % are right.'), 50)
        .option('--start-concurrency <n>', 'Requests at a time of the first level.', whole, 10)
        .option('--max-concurrency <n>', 'Of the last level.', whole, 1000)
        .option('--step <n>', 'More at each level.', whole, 10)
        .option('--requests-per-level <n>', 'Requests of a level.', whole, 100),
      60,
    ),
  sustained: command =>
    timeout(
      stream(
        maxTokens(
          command
            .description('A steady load for a time.')
            .option('-c, --concurrency <n>', 'Requests at a time.', whole, 100)
            .option('-d, --duration <seconds>', 'Length of the run.', whole, 60),
          50,
        ),
        false,
      ),
      60,
    ),
}

/** What the flags mean. Pure. */
function originalRun(kind: Kind, options: OriginalOptions): Omit<BenchRun, 'out' | 'err' | 'signal'> {
  const { url, jsonReport, reportDir, requestLog } = options
  return {
    command: kind,
    url,
    levels: levelsOf(kind, options),
    ...(kind === 'progressive' ? { leastPercent: LEAST_PERCENT } : {}),
    ...(jsonReport === true ? { reportDir } : {}),
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
          requests: options.requestsPerLevel,
          arrivals: { kind: 'closed', concurrency },
          dataset,
        },
      }))
  }
}

function steps({ startConcurrency, maxConcurrency, step }: OriginalOptions): number[] {
  const count = Math.max(0, Math.floor((maxConcurrency - startConcurrency) / step)) + 1
  return Array.from({ length: count }, (_, at) => startConcurrency + at * step)
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
    .option('-r, --requests <n>', 'Requests in all.', whole, 1000)
    .option('-c, --concurrency <n>', 'Requests at a time.', whole, 100)
}

function maxTokens(command: Command, byDefault: number): Command {
  return command.option('-t, --max-tokens <n>', 'Tokens of an answer.', whole, byDefault)
}

function timeout(command: Command, byDefault: number): Command {
  return command.option('-T, --timeout <seconds>', 'Longest time of a request.', whole, byDefault)
}

function stream(command: Command, byDefault: boolean): Command {
  return command.option('-s, --stream [bool]', 'Streamed answers.', yesOrNo, byDefault)
}

function addSharedOptions(command: Command): Command {
  return command
    .option('--url <url>', 'The target.', 'http://127.0.0.1:30000')
    .option('--json-report', 'Write a JSON report.')
    .option('--report-dir <folder>', 'Where to.', './benchmark_reports')
    .option('--request-log <file>', 'Append a line of JSON for each request.')
    .option('--seed <n>', 'Of all chance.', whole, 1)
    .option('--processes <n>', 'Processes that make the load.', whole, 1)
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

/** The first signal ends the load with what there is; a second one ends the process. */
async function untilInterrupted(
  parts: CliParts,
  run: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const interrupt = new AbortController()
  const onSignal = () => (interrupt.signal.aborted ? parts.exit(130) : interrupt.abort())
  parts.signals.on('SIGINT', onSignal)
  parts.signals.on('SIGTERM', onSignal)
  try {
    return await run(interrupt.signal)
  } finally {
    parts.signals.off('SIGINT', onSignal)
    parts.signals.off('SIGTERM', onSignal)
  }
}

/** A gateway in production carries no bench. */
async function lazily(run: BenchRun): Promise<number> {
  const { runBench } = await import('../../bench/command/run-bench.ts')
  return runBench(run)
}

function kindOf(name: string): Kind {
  if (name === 'basic' || name === 'realistic' || name === 'progressive' || name === 'sustained') return name
  throw new TypeError(`no benchmark ${name}`)
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.')
  return Number(text)
}

function yesOrNo(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('true or false is needed.')
  return text === 'true'
}
