/**
 * Runs the rounds of a comparison, one after the other, in generator processes that stay.
 *
 * Each round has a seed of its own: words that no round before has sent, in prompts and answers of the same length. With
 * the words of a round before it, a round would find its prompts in the prefix caches of engines that two gateways share.
 */
import { Generators } from '../load/generators.ts'
import type { LoadPlan } from '../load/plan.ts'
import type { LoadCollector, LoadResult } from '../load/result.ts'
import { runLoadIn } from '../load/run-load.ts'
import type { CompareRound, CompareTarget } from '../report/compare-schema.ts'
import { figuresOf } from './figures.ts'
import { roundOrder } from './order.ts'
import { useOf } from './process-use.ts'

export interface Comparison {
  readonly targets: readonly CompareTarget[]
  /** The load of a round on each target, in their order; the first round has their seed. */
  readonly plans: readonly LoadPlan[]
  readonly blocks: number
  readonly signal: AbortSignal
  readonly onRound: (round: CompareRound) => void
  /** Called a few times a second, in warm-up rounds too. */
  readonly onProgress: (collector: LoadCollector, running: RunningRound) => void
}

export interface RunningRound {
  readonly target: CompareTarget
  readonly plan: LoadPlan
  /** From 0; undefined while it warms up. */
  readonly index: number | undefined
}

/** Targets are cold at first, and so is the generator: this many blocks run before any counts. */
const WARM_UP_BLOCKS = 1

/**
 * Told of each round as it ends; ends early, without the round that runs, when the signal says so.
 * @throws Error when a target's process has ended: what it has used is not known any more.
 */
export async function runRounds(comparison: Comparison): Promise<void> {
  const { plans, blocks, onRound, onProgress } = comparison
  const warming: Comparison['onProgress'] = (collector, running) =>
    onProgress(collector, { ...running, index: undefined })
  const generators = new Generators(plans[0]?.processes ?? 1)
  try {
    // Words of their own for the rounds that warm up, too: they come after those of all others.
    const later = roundOrder(plans.length, blocks).length
    const warmUp = { ...comparison, blocks: WARM_UP_BLOCKS, onRound: throwAway, onProgress: warming }
    await runBlocks(warmUp, generators, later)
    await runBlocks({ ...comparison, blocks, onRound }, generators, 0)
  } finally {
    generators.close()
  }
}

function throwAway(): void {
  // Only its work counts.
}

/** `seedsFrom`: how far the seed of the first round is from that of the plans. */
async function runBlocks(comparison: Comparison, generators: Generators, seedsFrom: number): Promise<void> {
  const { targets, plans, blocks, signal, onRound, onProgress } = comparison
  const firstMs = performance.now()
  for (const [index, place] of roundOrder(plans.length, blocks).entries()) {
    const [plan, target] = [plans[place.target], targets[place.target]]
    if (plan === undefined || target === undefined) throw new RangeError('every target has a plan')
    const seed = plan.seed + seedsFrom + index
    const startedAtMs = performance.now() - firstMs
    const options = {
      signal,
      onProgress: (collector: LoadCollector) => onProgress(collector, { target, plan, index }),
    }
    // In sequence: concurrent rounds would add load to each other.
    const figures = await runRound(target, () => runLoadIn(generators, { ...plan, seed }, options))
    if (signal.aborted) return
    onRound({ ...place, index, seed, startedAtMs, target: target.name, ...figures })
  }
}

async function runRound(
  { name, pid }: CompareTarget,
  load: () => Promise<LoadResult>,
): Promise<ReturnType<typeof figuresOf>> {
  if (pid === undefined) return figuresOf(await load(), undefined)
  const before = useOf(name, pid)
  const result = await load()
  const { cpuUs, rssBytes } = useOf(name, pid)
  return figuresOf(result, { cpuUs: cpuUs - before.cpuUs, rssBytes })
}
