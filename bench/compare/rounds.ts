/**
 * Runs the rounds of a comparison one after the other, in the same generator processes.
 *
 * Each round has its own seed, and so prompts with new words but equal lengths. With the words of an earlier round its
 * prompts would be in the prefix caches of engines that the targets share.
 */
import { Generators } from '../load/generators.ts'
import type { LoadPlan } from '../load/plan/plan.ts'
import type { LoadCollector, LoadResult } from '../load/records/result.ts'
import { runLoadIn } from '../load/run-load.ts'
import type { CompareRound, CompareTarget } from '../report/compare-schema.ts'
import { figuresOf } from './figures.ts'
import { roundOrder } from './order.ts'
import { useOf } from './process-use.ts'

export interface Comparison {
  readonly targets: readonly CompareTarget[]
  /** The load of a round for each target, in their order; the first round uses its seed. */
  readonly plans: readonly LoadPlan[]
  readonly blocks: number
  readonly signal: AbortSignal
  readonly onRound: (round: CompareRound) => void
  /** Called a few times a second, also in warm-up rounds. */
  readonly onProgress: (collector: LoadCollector, running: RunningRound) => void
}

export interface RunningRound {
  readonly target: CompareTarget
  readonly plan: LoadPlan
  /** Number of the round from 0; undefined in the warm-up. */
  readonly index: number | undefined
}

/** Blocks that are discarded, because targets and generator are cold at first. */
const WARM_UP_BLOCKS = 1

/**
 * Calls `onRound` at the end of each round. When the signal aborts, it returns early and drops the current round.
 * @throws Error when a target's process has ended, because its CPU time is then unknown.
 */
export async function runRounds(comparison: Comparison): Promise<void> {
  const { plans, blocks, onRound, onProgress } = comparison
  const warming: Comparison['onProgress'] = (collector, running) =>
    onProgress(collector, { ...running, index: undefined })
  const generators = new Generators(plans[0]?.processes ?? 1)
  try {
    // Warm-up rounds have their own words too: their seeds follow those of all other rounds.
    const later = roundOrder(plans.length, blocks).length
    const warmUp = { ...comparison, blocks: WARM_UP_BLOCKS, onRound: discard, onProgress: warming }
    await runBlocks(warmUp, generators, later)
    await runBlocks({ ...comparison, blocks, onRound }, generators, 0)
  } finally {
    generators.close()
  }
}

function discard(): void {
  // The round only warms up.
}

/** `seedsFrom` is the distance of the first round's seed from that of the plans. */
async function runBlocks(comparison: Comparison, generators: Generators, seedsFrom: number): Promise<void> {
  const { targets, plans, blocks, signal, onRound, onProgress } = comparison
  const firstMs = performance.now()
  for (const [index, planned] of roundOrder(plans.length, blocks).entries()) {
    const [plan, target] = [plans[planned.target], targets[planned.target]]
    if (plan === undefined || target === undefined) throw new RangeError('Every target needs a plan')
    const seed = plan.seed + seedsFrom + index
    const startedAtMs = performance.now() - firstMs
    const options = {
      signal,
      onProgress: (collector: LoadCollector) => onProgress(collector, { target, plan, index }),
    }
    // In sequence: concurrent rounds would add load to each other.
    const figures = await runRound(target, () => runLoadIn(generators, { ...plan, seed }, options))
    if (signal.aborted) return
    onRound({ ...planned, index, seed, startedAtMs, target: target.name, ...figures })
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
