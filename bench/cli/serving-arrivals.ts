/** Flags of `bench serving` for arrival times, named as in vLLM's `bench serve`. */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import { count, positive, positiveOrInf, seconds } from '../flags/values.ts'

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
      new Option('--request-rate <n>', 'Requests per second; inf sends all at once.')
        .argParser(positiveOrInf)
        .default(Infinity, 'inf'),
    )
    .option(
      '--burstiness <shape>',
      'Shape of the gaps: 1 is Poisson, less is burstier, inf is constant.',
      positiveOrInf,
      1,
    )
    .addOption(
      new Option('--ramp-up-strategy <name>', 'Change the rate over the run.').choices([
        'linear',
        'exponential',
      ]),
    )
    .option('--ramp-up-start-rps <n>', 'First rate of the ramp.', positive)
    .option('--ramp-up-end-rps <n>', 'Last rate of the ramp.', positive)
    .option('--max-concurrency <n>', 'Limit of concurrent requests.', count)
    .option('--duration <seconds>', 'Stop sending after this time.', seconds)
}

export function arrivalLoad(options: ArrivalOptions): Pick<BenchLevel['load'], 'arrivals' | 'durationMs'> {
  const { duration } = options
  return {
    arrivals: arrivalsOf(options),
    ...(duration === undefined ? {} : { durationMs: duration * 1000 }),
  }
}

/** Rejects conflicting flags. `isTraceTimed`: the times come from a trace. */
export function checkArrivals(options: ArrivalOptions, isTraceTimed: boolean, command: Command): void {
  const { rampUpStrategy, rampUpStartRps, rampUpEndRps, requestRate } = options
  if (rampUpStrategy === undefined) return
  if (rampUpStartRps === undefined || rampUpEndRps === undefined)
    command.error('error: --ramp-up-strategy requires --ramp-up-start-rps and --ramp-up-end-rps')
  if (requestRate !== Infinity)
    command.error('error: --ramp-up-strategy and --request-rate cannot be combined')
  if (isTraceTimed) command.error('error: --ramp-up-strategy and --use-trace-timestamps cannot be combined')
}

function arrivalsOf(options: ArrivalOptions): BenchLevel['load']['arrivals'] {
  const { requestRate, burstiness, maxConcurrency } = options
  const { rampUpStrategy: shape, rampUpStartRps: from, rampUpEndRps: to } = options
  const limit = maxConcurrency === undefined ? {} : { maxConcurrency }
  const open = { kind: 'open', ratePerSecond: requestRate, burstiness, ...limit } as const
  if (shape === undefined || from === undefined || to === undefined) return open
  return { ...open, ramp: { shape, startRatePerSecond: from, endRatePerSecond: to } }
}
