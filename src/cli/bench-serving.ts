/** `pd-gateway bench serving`: open loop, with the flags of sglang's `bench_serving` and of vLLM's `bench serve`. */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../../bench/command/plans.ts'
import type { RunOfFlags } from './bench-original.ts'
import { addReportFlags, reportPlaces } from './bench-report-flags.ts'
import { addResultFlags, type ResultOptions, resultFile } from './bench-result-file.ts'
import { count, jsonObject, number, positive, share, targetUrl, whole } from './bench-values.ts'

type Load = BenchLevel['load']

const BACKENDS = {
  sglang: 'generate',
  'sglang-oai': 'completions',
  'sglang-oai-chat': 'chat',
  vllm: 'completions',
  'vllm-chat': 'chat',
} as const

const DATASETS = ['random', 'generated-shared-prefix', 'multi-turn', 'custom', 'mooncake'] as const

interface ServingOptions extends ResultOptions {
  readonly backend: keyof typeof BACKENDS
  readonly baseUrl?: string
  readonly host: string
  readonly port: number
  readonly datasetName: (typeof DATASETS)[number]
  readonly datasetPath?: string
  readonly numPrompts: number
  readonly randomInputLen: number
  readonly randomOutputLen: number
  readonly randomRangeRatio: number
  readonly gspNumGroups: number
  readonly gspSystemPromptLen: number
  readonly gspQuestionLen: number
  readonly gspOutputLen: number
  readonly requestRate: number
  readonly burstiness: number
  readonly rampUpStrategy?: 'linear' | 'exponential'
  readonly rampUpStartRps?: number
  readonly rampUpEndRps?: number
  readonly maxConcurrency?: number
  readonly useTraceTimestamps?: boolean
  readonly disableStream?: boolean
  readonly disableIgnoreEos?: boolean
  readonly extraRequestBody?: Readonly<Record<string, unknown>>
  readonly outputFile?: string
  readonly outputDetails?: boolean
  readonly requestLog?: string
  readonly numWarmups: number
  readonly seed: number
  readonly tag?: string
  readonly cancelRate: number
  readonly cancelAfter: number
  readonly slowClientRate: number
  readonly connectionMode: 'keep-alive' | 'per-request'
  readonly processes: number
}

export function addServingCommand(bench: Command, start: (run: RunOfFlags) => Promise<void>): void {
  const command = bench
    .command('serving')
    .description("Open loop, as sglang's bench_serving and vLLM's bench serve.")
    .addOption(new Option('--backend <name>').choices(Object.keys(BACKENDS)).default('sglang'))
    .option('--base-url <url>', 'The target, in place of host and port.', targetUrl)
    .option('--host <address>', 'Of the target.', '127.0.0.1')
    .option('--port <n>', 'Of the target.', count, 30_000)
    .option('--num-prompts <n>', 'Requests in all.', count, 1000)
    .option('--seed <n>', 'Of all chance.', whole, 1)
    .option('--output-file <file>', "Append bench_serving's line.")
    .option('--output-details', 'With lengths, times, text and error of each request.')
    .option('--tag <text>', 'Goes into that line.')
    .option('--disable-stream', 'Whole answers.')
    .option('--disable-ignore-eos', 'Answers may end early.')
    .option('--extra-request-body <json>', 'Put into every body.', jsonObject)
  addReportFlags(addResultFlags(addClients(addArrivals(addDatasets(command)))))
  command.action((options: ServingOptions) => start(servingRun(options, command)))
}

function addDatasets(command: Command): Command {
  return command
    .addOption(new Option('--dataset-name <name>').choices(DATASETS).default('random'))
    .option('--dataset-path <file>', 'Of custom (JSON lines) and mooncake.')
    .option('--random-input-len <n>', 'Prompt tokens.', count, 1024)
    .option('--random-output-len <n>', 'Answer tokens.', count, 1024)
    .option('--random-range-ratio <share>', 'Least length, as a share of the length.', share, 0)
    .option('--gsp-num-groups <n>', 'Groups with one system prompt.', count, 64)
    .option('--gsp-system-prompt-len <n>', 'Its tokens.', count, 2048)
    .option('--gsp-question-len <n>', 'Tokens of a question.', count, 128)
    .option('--gsp-output-len <n>', 'Tokens of an answer.', count, 256)
    .option('--use-trace-timestamps', 'Send when the mooncake trace says.')
}

function addArrivals(command: Command): Command {
  return command
    .option('--request-rate <n>', 'A second; inf sends all at once.', positive, Infinity)
    .option('--burstiness <shape>', '1 = Poisson, less is burstier, inf is constant.', positive, 1)
    .addOption(new Option('--ramp-up-strategy <name>').choices(['linear', 'exponential']))
    .option('--ramp-up-start-rps <n>', 'First rate.', positive)
    .option('--ramp-up-end-rps <n>', 'Last rate.', positive)
    .option('--max-concurrency <n>', 'Most at a time.', count)
}

function addClients(command: Command): Command {
  return command
    .option('--cancel-rate <share>', 'Share of the clients that leave.', share, 0)
    .option('--cancel-after <seconds>', 'They leave within this time.', number, 1)
    .option('--slow-client-rate <share>', 'Share of the clients that read slowly.', share, 0)
    .addOption(
      new Option('--connection-mode <mode>').choices(['keep-alive', 'per-request']).default('per-request'),
    )
    .option('--processes <n>', 'Processes that make the load.', count, 1)
}

/** What the flags mean. */
function servingRun(options: ServingOptions, command: Command): RunOfFlags {
  refuseWhatDoesNotGoTogether(options, command)
  const { requestLog } = options
  return {
    command: 'serving',
    url: options.baseUrl ?? `http://${options.host}:${options.port}`,
    levels: [{ name: 'serving', load: loadOf(options) }],
    serving: {
      path: options.outputFile,
      labels: labelsOf(options),
      isDetailed: options.outputDetails === true,
    },
    ...reportPlaces(command),
    warmUps: options.numWarmups,
    ...(requestLog === undefined ? {} : { requestLog }),
    ...resultFile(options),
  }
}

function refuseWhatDoesNotGoTogether(options: ServingOptions, command: Command): void {
  const { datasetName, datasetPath, rampUpStrategy, rampUpStartRps, rampUpEndRps } = options
  if ((datasetName === 'custom' || datasetName === 'mooncake') && datasetPath === undefined)
    command.error(`error: --dataset-name ${datasetName} needs --dataset-path`)
  if (rampUpStrategy !== undefined && (rampUpStartRps === undefined || rampUpEndRps === undefined))
    command.error('error: --ramp-up-strategy needs --ramp-up-start-rps and --ramp-up-end-rps')
}

function labelsOf(options: ServingOptions) {
  const { maxConcurrency, randomInputLen, randomOutputLen, randomRangeRatio, requestRate } = options
  const isTraced = options.datasetName === 'mooncake' && options.useTraceTimestamps === true
  return {
    tag: options.tag ?? null,
    backend: options.backend,
    dataset_name: options.datasetName,
    request_rate: isTraced ? ('trace' as const) : requestRate === Infinity ? ('inf' as const) : requestRate,
    max_concurrency: maxConcurrency ?? null,
    random_input_len: randomInputLen,
    random_output_len: randomOutputLen,
    random_range_ratio: randomRangeRatio,
  }
}

function loadOf(options: ServingOptions): Load {
  return {
    endpoint: BACKENDS[options.backend],
    isStream: options.disableStream !== true,
    ignoreEos: options.disableIgnoreEos !== true,
    requests: options.numPrompts,
    seed: options.seed,
    arrivals: arrivalsOf(options),
    dataset: datasetOf(options),
    leaveShare: options.cancelRate,
    leaveWithinMs: options.cancelAfter * 1000,
    slowShare: options.slowClientRate,
    connection: options.connectionMode,
    processes: options.processes,
    extraBody: { ...options.extraRequestBody },
  }
}

function arrivalsOf({ requestRate, burstiness, maxConcurrency, ...ramp }: ServingOptions): Load['arrivals'] {
  const { rampUpStrategy: shape, rampUpStartRps: from, rampUpEndRps: to } = ramp
  const limit = maxConcurrency === undefined ? {} : { maxConcurrency }
  const open = { kind: 'open', ratePerSecond: requestRate, burstiness, ...limit } as const
  if (shape === undefined || from === undefined || to === undefined) return open
  return { ...open, ramp: { shape, startRatePerSecond: from, endRatePerSecond: to } }
}

function datasetOf(options: ServingOptions): Load['dataset'] {
  const { datasetName, datasetPath = '', randomInputLen, randomOutputLen: outputTokens } = options
  switch (datasetName) {
    case 'random':
      return {
        kind: 'random',
        inputTokens: randomInputLen,
        outputTokens,
        rangeRatio: options.randomRangeRatio,
      }
    case 'generated-shared-prefix':
      return {
        kind: 'shared-prefix',
        groups: options.gspNumGroups,
        systemTokens: options.gspSystemPromptLen,
        questionTokens: options.gspQuestionLen,
        outputTokens: options.gspOutputLen,
      }
    case 'multi-turn':
      return { kind: 'multi-turn', turnTokens: randomInputLen, outputTokens }
    case 'custom':
      return { kind: 'jsonl', path: datasetPath, outputTokens }
    case 'mooncake':
      return { kind: 'mooncake', path: datasetPath, useTimestamps: options.useTraceTimestamps ?? false }
  }
}
