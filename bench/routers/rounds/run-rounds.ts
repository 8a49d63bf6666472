/** Runs all loads: targets take turns in every round, and a router that fails does not stop the others. */
import { messageOf } from '../../../src/core/text/error-text.ts'
import { Results } from '../costs/results.ts'
import type { RouterSample } from '../costs/sample.ts'
import {
  CHUNK_INTERVAL_MS,
  ENVIRONMENT_NAMES,
  type Load,
  SLOW_INTERVAL_MS,
  warmUpOf,
} from '../loads/loads.ts'
import type { Target } from '../start/running-router.ts'
import { setPace } from './canned-control.ts'
import { checkedRound } from './checked-round.ts'
import { type EnvironmentOptions, openEnvironment, type RouterEnvironment } from './environments.ts'
import { inRotation } from './rotation.ts'
import { measureRound, prepareRounds } from './wrk-round.ts'

export interface RunOptions extends EnvironmentOptions {
  readonly loads: readonly Load[]
  /** Rounds of each load against canned engines, after a warm-up round that is discarded. */
  readonly rounds: number
  /** Rounds of each load against slow or stressed engines. */
  readonly passes: number
  readonly seconds: number
  /** Shortest warm-up round: code that is compiled while it runs is slow at first. */
  readonly warmUpSeconds: number
}

/** Name of the engine that is measured without a router, for the added TTFT. */
export const DIRECT = 'no router'

export async function runRounds(options: RunOptions): Promise<Results> {
  const results = new Results()
  for (const name of ENVIRONMENT_NAMES) {
    const loads = options.loads.filter(({ environment }) => environment === name)
    if (loads.length === 0 || options.signal.aborted) continue
    options.log(`${name}: starting the routers`)
    const environment = await openEnvironment(name, options)
    try {
      await warmUp(warmUpOf(name), environment, options)
      for (const load of loads) await runLoad(load, { environment, options, results })
    } finally {
      await environment.close()
    }
  }
  return results
}

/** The result does not matter: a router that cannot bear the warm-up fails in the loads too. */
async function warmUp(
  load: Load | undefined,
  environment: RouterEnvironment,
  options: RunOptions,
): Promise<void> {
  if (load === undefined) return
  await runLoad(load, { environment, options: { ...options, passes: 1 }, results: new Results() })
}

interface Context {
  readonly environment: RouterEnvironment
  readonly options: RunOptions
  readonly results: Results
}

async function runLoad(load: Load, context: Context): Promise<void> {
  const { environment, options, results } = context
  for (const [router, reason] of environment.failures) results.fail(load.name, router, reason)
  await prepare(load, environment, options)
  const isCanned = load.environment === 'canned'
  if (isCanned) {
    const seconds = Math.max(options.seconds, options.warmUpSeconds)
    const discarded = { environment, options: { ...options, seconds }, results: new Results() }
    await runRound({ load, title: 'warm-up', round: 0 }, discarded)
  }
  const rounds = isCanned ? options.rounds : options.passes
  for (let round = 1; round <= rounds; round++) {
    await runRound({ load, title: `round ${round} of ${rounds}`, round }, context)
  }
}

interface Round {
  readonly load: Load
  readonly title: string
  readonly round: number
}

async function runRound({ load, title, round }: Round, context: Context): Promise<void> {
  const { environment, options, results } = context
  for (const target of inRotation(targetsOf(load, environment), round)) {
    if (options.signal.aborted) return
    if (results.hasFailed(load.name, target.name)) continue
    options.log(`${load.name}: ${title}, ${target.name}`)
    const sample = await tryMeasure(load, target, context)
    if (sample !== undefined) results.add(load.name, target.name, sample)
  }
}

async function prepare(load: Load, { cannedUrl }: RouterEnvironment, { folder }: RunOptions): Promise<void> {
  if (cannedUrl === undefined) return
  if (load.kind === 'wrk') await prepareRounds({ folder, cannedUrl }, load.shape)
  else await setPace(cannedUrl, load.environment === 'slow' ? SLOW_INTERVAL_MS : CHUNK_INTERVAL_MS)
}

function targetsOf(load: Load, { targets, direct }: RouterEnvironment): readonly Target[] {
  const isDirect = load.kind === 'checked' && load.hasDirect && direct !== undefined
  return isDirect ? [...targets, { name: DIRECT, ...direct }] : targets
}

/** @returns undefined when the target failed or the run was interrupted. */
async function tryMeasure(load: Load, target: Target, context: Context): Promise<RouterSample | undefined> {
  const { options, results } = context
  try {
    const sample = await measure(load, target, context)
    const exitReason = target.exitReason?.()
    if (exitReason !== undefined) throw new Error(exitReason)
    return options.signal.aborted ? undefined : sample
  } catch (error) {
    if (options.signal.aborted) return undefined
    const reason = target.exitReason?.() ?? messageOf(error)
    results.fail(load.name, target.name, reason)
    options.log(`${load.name}: ${target.name}: ${reason}`)
    return undefined
  }
}

async function measure(load: Load, target: Target, { environment, options }: Context): Promise<RouterSample> {
  const { cannedUrl } = environment
  const { signal, folder } = options
  if (load.kind === 'checked') return checkedRound({ load, target, signal, cannedUrl })
  if (cannedUrl === undefined) throw new TypeError(`${load.name} needs canned engines`)
  const seconds = Math.max(options.seconds, load.minSeconds)
  return measureRound({ folder, cannedUrl, seconds, signal }, load.shape, target)
}
