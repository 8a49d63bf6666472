/** `pd-gateway bench serving`: open loop, with the flags of sglang's `bench_serving` and of vLLM's `bench serve`. */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import { addReportFlags, reportPlaces } from './report-flags.ts'
import { type ArrivalOptions, addArrivalFlags, arrivalLoad, refuseOddArrivals } from './serving-arrivals.ts'
import {
  addDatasetFlags,
  type DatasetOptions,
  datasetLoad,
  isTraceTimed,
  refuseOddDataset,
} from './serving-dataset.ts'
import { addRequestFlags, type RequestOptions, requestLoad } from './serving-requests.ts'
import type { RunOfFlags } from './closed-loop.ts'
import {
  count,
  hostName,
  number,
  portNumber,
  seconds,
  share,
  targetUrl,
  targetUrlOf,
  whole,
} from '../flags/values.ts'
import { addResultFlags, type ResultOptions, resultFile } from './vllm-result-flags.ts'

interface ServingOptions
  extends RequestOptions,
    DatasetOptions,
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
  readonly connectionMode: 'keep-alive' | 'per-request'
  readonly processes: number
}

export function addServingCommand(bench: Command, start: (run: RunOfFlags) => Promise<void>): void {
  const command = bench
    .command('serving')
    .description("Open loop, as sglang's bench_serving and vLLM's bench serve.")
    .option('--base-url <url>', 'The target, in place of host and port.', targetUrl)
    .option('--host <address>', 'Of the target.', hostName, '127.0.0.1')
    .option('--port <n>', 'Of the target.', portNumber, 30_000)
    .option('--ready-check-timeout-sec <seconds>', 'How long the target may take to come up.', seconds)
    .option('-T, --timeout <seconds>', 'Longest time of a request, and of a silence in it.', seconds, 600)
    .option('--seed <n>', 'Of all chance.', whole, 1)
  addClientFlags(addArrivalFlags(addDatasetFlags(addRequestFlags(command))))
  addReportFlags(addResultFlags(addRunFlags(command)))
  command.action((options: ServingOptions) => start(servingRun(options, command)))
}

function addClientFlags(command: Command): Command {
  return command
    .option('--cancel-rate <share>', 'Share of the clients that leave.', share, 0)
    .option('--cancel-after <seconds>', 'They leave within this time.', number, 1)
    .option('--slow-client-rate <share>', 'Share of the clients that read slowly.', share, 0)
    .addOption(
      new Option('--connection-mode <mode>').choices(['keep-alive', 'per-request']).default('per-request'),
    )
    .option('--processes <n>', 'Processes that make the load.', count, 1)
}

function addRunFlags(command: Command): Command {
  return command
    .option('--num-warmups <n>', 'Requests before the run that count for nothing.', whole, 0)
    .option('--warmup-requests <n>', "The same, by bench_serving's name.", whole)
    .option('--flush-cache', 'Engines forget cached prefixes before the run.')
    .option('--disable-tqdm', 'Show nothing while the load runs.')
    .option('--output-file <file>', "Append bench_serving's line.")
    .option('--output-details', 'With every answer in it.')
    .option('--tag <text>', 'Goes into that line.')
    .option('--request-log <file>', 'Append a line of JSON for each request.')
}

/** What the flags mean. */
function servingRun(options: ServingOptions, command: Command): RunOfFlags {
  refuseOddDataset(options, command)
  refuseOddArrivals(options, isTraceTimed(options), command)
  const { requestLog, outputDetails, readyCheckTimeoutSec: ready } = options
  if (outputDetails === true && options.outputFile === undefined)
    command.error('error: --output-details needs --output-file')
  return {
    command: 'serving',
    url: options.baseUrl ?? targetUrlOf(options.host, options.port),
    levels: [{ name: 'serving', load: loadOf(options) }],
    serving: { path: options.outputFile, labels: labelsOf(options), isDetailed: outputDetails === true },
    ...reportPlaces(command),
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
    dataset_name: options.datasetName,
    request_rate: isTraceTimed(options) ? ('trace' as const) : steady,
    max_concurrency: maxConcurrency ?? null,
    random_input_len: randomInputLen,
    random_output_len: randomOutputLen,
    random_range_ratio: randomRangeRatio,
  }
}

function loadOf(options: ServingOptions): BenchLevel['load'] {
  return {
    ...requestLoad(options),
    ...datasetLoad(options),
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
