/**
 * Computes the differences of a comparison from its rounds. Pure.
 *
 * A block yields one figure per target, the mean of its two rounds. Only blocks are independent, so the bootstrap
 * resamples blocks, not rounds. A report has many intervals, and each may miss by chance; their level is chosen so that
 * all of them hold together with the requested confidence (Bonferroni).
 */

import { seededRandom } from '../../src/core/random.ts'
import {
  COMPARE_METRICS,
  type CompareMetric,
  type CompareRound,
  type Difference,
} from '../report/compare-schema.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'
import { type Interval, medianInterval } from './bootstrap.ts'

const CONFIDENCE = 0.95
const ROUNDS_PER_BLOCK = 2

interface Pair {
  readonly base: number
  readonly target: number
}

export function differencesOf(
  names: readonly string[],
  rounds: readonly CompareRound[],
  seed: number,
): readonly Difference[] {
  const candidates = pairsOf(names).flatMap(([base, target]) =>
    COMPARE_METRICS.map(metric => ({
      metric,
      base,
      target,
      pairs: pairedFigures(metric, rounds, base, target),
    })),
  )
  const known = candidates.filter(({ pairs }) => pairs.length > 1)
  const level = 1 - (1 - CONFIDENCE) / Math.max(1, known.length)
  return known.map(first => differenceOf(first, level, seed))
}

interface PairedMetric extends Pick<Difference, 'metric' | 'base' | 'target'> {
  readonly pairs: readonly Pair[]
}

function differenceOf(
  { metric, base, target, pairs }: PairedMetric,
  level: number,
  seed: number,
): Difference {
  const absolute = intervalOf(
    pairs.map(pair => pair.target - pair.base),
    level,
    seed,
  )
  const hasRatio = pairs.every(pair => pair.base !== 0)
  const ratios = pairs.map(pair => pair.target / pair.base)
  return {
    metric,
    base,
    target,
    pairs: pairs.length,
    baseMedian: percentileOf(sorted(pairs.map(pair => pair.base)), 50),
    targetMedian: percentileOf(sorted(pairs.map(pair => pair.target)), 50),
    absolute,
    ...(hasRatio ? { ratio: intervalOf(ratios, level, seed) } : {}),
    level,
    holdsZero: absolute.low <= 0 && absolute.high >= 0,
  }
}

function intervalOf(values: readonly number[], level: number, seed: number): Interval {
  return medianInterval(values, level, seededRandom(seed))
}

function pairsOf(names: readonly string[]): [string, string][] {
  return names.flatMap((base, index) =>
    names.slice(index + 1).map((target): [string, string] => [base, target]),
  )
}

function pairedFigures(
  metric: CompareMetric,
  rounds: readonly CompareRound[],
  base: string,
  target: string,
): Pair[] {
  const blocks = [...new Set(rounds.map(({ block }) => block))]
  return blocks.flatMap(block => {
    const inBlock = rounds.filter(round => round.block === block)
    const [first, second] = [blockFigure(metric, inBlock, base), blockFigure(metric, inBlock, target)]
    return first === undefined || second === undefined ? [] : [{ base: first, target: second }]
  })
}

/** Undefined if the block is incomplete or the figure is unknown. */
function blockFigure(
  metric: CompareMetric,
  rounds: readonly CompareRound[],
  target: string,
): number | undefined {
  const figures = rounds.flatMap(round => (round.target === target ? (round[metric] ?? []) : []))
  if (figures.length < ROUNDS_PER_BLOCK) return undefined
  return figures.reduce((sum, first) => sum + first, 0) / figures.length
}
