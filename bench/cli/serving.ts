/** `pd-gateway bench serving`: an open loop, with the flags of SGLang's `bench_serving` and vLLM's `bench serve`. */
import type { Command } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import {
  count,
  hostName,
  portNumber,
  seconds,
  secondsFromZero,
  share,
  targetUrl,
  targetUrlOf,
  whole,
} from '../flags/values.ts'
import type { RequestedRun } from './closed-loop.ts'
import { connectionModeOption, type LoadFlags } from './load-flags.ts'
import { addReportFlags, reportPaths } from './report-flags.ts'
import { type ArrivalOptions, addArrivalFlags, arrivalLoad, checkArrivals } from './serving-arrivals.ts'
import {
  addDatasetFlags,
  checkDataset,
  type DatasetOptions,
  datasetLoad,
  isTraceTimed,
} from './serving-dataset.ts'
import { addRequestFlags, type RequestOptions, requestLoad } from './serving-requests.ts'
import { addWorkloadFlags, type WorkloadOptions, workloadLoad } from './serving-workload.ts'
import { addResultFlags, type ResultOptions, resultFile } from './vllm-result-flags.ts'

interface ServingOptions
  extends RequestOptions,
    DatasetOptions,
    WorkloadOptions,
    ArrivalOptions,
    Omit<ResultOptions, 'backend'> {
  readonly baseUrl?: string
  readonly host: string
  readonly port: number
  readonly outputFile?: string
  readonly outputDetails?: boolean
  readonly requestLog?: string
  readonly numWarmups: number
  readonly warmupRequests?: number
  readonly readyCheckTimeoutSec?: number
  readonly flushCache?: boolean
  readonly disableTqdm?: boolean
  readonly timeout: number
  readonly seed: number
  readonly tag?: string
  readonly cancelRate: number
  readonly cancelAfter: number
  readonly slowClientRate: number
  readonly connectionMode: LoadFlags['connectionMode']
  readonly processes: number
}

export function addServingCommand(bench: Command, start: (run: RequestedRun) => Promise<void>): void {
  const command = bench
    .command('serving')
    .description("Run an open loop, with the flags of SGLang's bench_serving and vLLM's bench serve.")
    .option('--base-url <url>', 'URL of the target; overrides --host and --port.', targetUrl)
    .option('--host <address>', 'Host of the target.', hostName, '127.0.0.1')
    .option('--port <n>', 'Port of the target.', portNumber, 30_000)
    .option('--ready-check-timeout-sec <seconds>', 'How long the target may take to become ready.', seconds)
    .option('-T, --timeout <seconds>', 'Timeout of a request, and between two reads of it.', seconds, 600)
    .option('--seed <n>', 'Seed of all random choices.', whole, 1)
  addClientFlags(addArrivalFlags(addWorkloadFlags(addDatasetFlags(addRequestFlags(command)))))
  addReportFlags(addResultFlags(addRunFlags(command)))
  command.action((options: ServingOptions) => start(servingRun(options, command)))
}

function addClientFlags(command: Command): Command {
  return command
    .option('--cancel-rate <share>', 'Share of clients that disconnect early.', share, 0)
    .option('--cancel-after <seconds>', 'They disconnect within this time, in seconds.', secondsFromZero, 1)
    .option('--slow-client-rate <share>', 'Share of clients that read slowly.', share, 0)
    .addOption(connectionModeOption('per-request'))
    .option('--processes <n>', 'Processes that generate the load.', count, 1)
}

function addRunFlags(command: Command): Command {
  return command
    .option('--num-warmups <n>', 'Warm-up requests before the run, which do not count.', whole, 0)
    .option('--warmup-requests <n>', "Same as --num-warmups, by SGLang's name.", whole)
    .option('--flush-cache', 'Flush the prefix caches of the engines before the run.')
    .option('--disable-tqdm', 'Show no progress.')
    .option('--output-file <file>', "Append SGLang's result line to this file.")
    .option('--output-details', 'Add an entry per request to that line.')
    .option('--tag <text>', 'Text to store in that line.')
    .option('--request-log <file>', 'Append a line of JSON per request to this file.')
}

/** The run that the flags request. */
function servingRun(options: ServingOptions, command: Command): RequestedRun {
  checkDataset(options, command)
  checkArrivals(options, isTraceTimed(options), command)
  const { requestLog, outputDetails, readyCheckTimeoutSec: ready } = options
  if (outputDetails === true && options.outputFile === undefined)
    command.error('error: --output-details requires --output-file')
  return {
    command: 'serving',
    url: options.baseUrl ?? targetUrlOf(options.host, options.port),
    levels: [{ name: 'serving', load: loadOf(options, command) }],
    serving: { path: options.outputFile, labels: labelsOf(options), isDetailed: outputDetails === true },
    ...reportPaths(command),
    warmUps: options.warmupRequests ?? options.numWarmups,
    ...(options.goodput === undefined ? {} : { goodput: options.goodput }),
    ...(ready === undefined ? {} : { readyWaitMs: ready * 1000 }),
    flushesCache: options.flushCache === true,
    hidesProgress: options.disableTqdm === true,
    ...(requestLog === undefined ? {} : { requestLog }),
    ...resultFile(options),
  }
}

function labelsOf(options: ServingOptions) {
  const { maxConcurrency, randomInputLen, randomOutputLen, randomRangeRatio, requestRate } = options
  const steady = requestRate === Infinity ? ('inf' as const) : requestRate
  return {
    tag: options.tag ?? null,
    backend: options.backend,
    dataset_name: options.workload ?? options.datasetName,
    request_rate: isTraceTimed(options) ? ('trace' as const) : steady,
    max_concurrency: maxConcurrency ?? null,
    random_input_len: randomInputLen,
    random_output_len: randomOutputLen,
    random_range_ratio: randomRangeRatio,
  }
}

function loadOf(options: ServingOptions, command: Command): BenchLevel['load'] {
  return {
    ...requestLoad(options),
    ...(workloadLoad(options, options.numPrompts, command) ?? datasetLoad(options)),
    ...arrivalLoad(options),
    seed: options.seed,
    timeoutMs: options.timeout * 1000,
    stallMs: options.timeout * 1000,
    leaveShare: options.cancelRate,
    leaveWithinMs: options.cancelAfter * 1000,
    slowShare: options.slowClientRate,
    connection: options.connectionMode,
    processes: options.processes,
  }
}
