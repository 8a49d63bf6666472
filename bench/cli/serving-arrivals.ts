/** Flags of `bench serving` that say when requests are sent, as vLLM's `bench serve` names them. */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import { count, positive, seconds } from '../flags/values.ts'

export interface ArrivalOptions {
  readonly requestRate: number
  readonly burstiness: number
  readonly rampUpStrategy?: 'linear' | 'exponential'
  readonly rampUpStartRps?: number
  readonly rampUpEndRps?: number
  readonly maxConcurrency?: number
  readonly duration?: number
}

export function addArrivalFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--request-rate <n>', 'A second; inf sends all at once.')
        .argParser(positive)
        .default(Infinity, 'inf'),
    )
    .option('--burstiness <shape>', '1 = Poisson, less is burstier, inf is constant.', positive, 1)
    .addOption(
      new Option('--ramp-up-strategy <name>', 'A rate that changes.').choices(['linear', 'exponential']),
    )
    .option('--ramp-up-start-rps <n>', 'First rate.', positive)
    .option('--ramp-up-end-rps <n>', 'Last rate.', positive)
    .option('--max-concurrency <n>', 'Most at a time.', count)
    .option('--duration <seconds>', 'Nothing is sent after it.', seconds)
}

export function arrivalLoad(options: ArrivalOptions): Pick<BenchLevel['load'], 'arrivals' | 'durationMs'> {
  const { duration } = options
  return {
    arrivals: arrivalsOf(options),
    ...(duration === undefined ? {} : { durationMs: duration * 1000 }),
  }
}

/** `isTraceTimed`: the trace says when. */
export function refuseOddArrivals(options: ArrivalOptions, isTraceTimed: boolean, command: Command): void {
  const { rampUpStrategy, rampUpStartRps, rampUpEndRps, requestRate } = options
  if (rampUpStrategy === undefined) return
  if (rampUpStartRps === undefined || rampUpEndRps === undefined)
    command.error('error: --ramp-up-strategy needs --ramp-up-start-rps and --ramp-up-end-rps')
  if (requestRate !== Infinity)
    command.error('error: --ramp-up-strategy and --request-rate exclude each other')
  if (isTraceTimed) command.error('error: --ramp-up-strategy and --use-trace-timestamps exclude each other')
}

function arrivalsOf(options: ArrivalOptions): BenchLevel['load']['arrivals'] {
  const { requestRate, burstiness, maxConcurrency } = options
  const { rampUpStrategy: shape, rampUpStartRps: from, rampUpEndRps: to } = options
  const limit = maxConcurrency === undefined ? {} : { maxConcurrency }
  const open = { kind: 'open', ratePerSecond: requestRate, burstiness, ...limit } as const
  if (shape === undefined || from === undefined || to === undefined) return open
  return { ...open, ramp: { shape, startRatePerSecond: from, endRatePerSecond: to } }
}
