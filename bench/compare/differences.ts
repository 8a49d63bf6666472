/**
 * From the rounds of a comparison to its differences. Pure.
 *
 * A block gives one figure a target: the mean of its two rounds. Blocks are what is independent, so the bootstrap draws
 * blocks, never rounds. A report has many intervals, and each could miss by chance: their level is such that all
 * of them hold together with the confidence asked for (Bonferroni).
 */

import { seededRandom } from '../../src/core/random.ts'
import { percentileOf, sorted } from '../load/percentiles.ts'
import {
  COMPARE_METRICS,
  type CompareMetric,
  type CompareRound,
  type Difference,
} from '../report/compare-schema.ts'
import { type Interval, medianInterval } from './bootstrap.ts'

const TOGETHER = 0.95
const ROUNDS_A_BLOCK = 2

interface Pair {
  readonly base: number
  readonly target: number
}

export function differencesOf(
  names: readonly string[],
  rounds: readonly CompareRound[],
  seed: number,
): readonly Difference[] {
  const asked = pairsOf(names).flatMap(([base, target]) =>
    COMPARE_METRICS.map(metric => ({
      metric,
      base,
      target,
      pairs: pairedFigures(metric, rounds, base, target),
    })),
  )
  const known = asked.filter(({ pairs }) => pairs.length > 1)
  const level = 1 - (1 - TOGETHER) / Math.max(1, known.length)
  return known.map(one => differenceOf(one, level, seed))
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
  return names.flatMap((base, at) => names.slice(at + 1).map((target): [string, string] => [base, target]))
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
    const [one, other] = [blockFigure(metric, inBlock, base), blockFigure(metric, inBlock, target)]
    return one === undefined || other === undefined ? [] : [{ base: one, target: other }]
  })
}

/** Undefined when the block did not come to its end, or the figure is not known. */
function blockFigure(
  metric: CompareMetric,
  rounds: readonly CompareRound[],
  target: string,
): number | undefined {
  const figures = rounds.flatMap(round => (round.target === target ? (round[metric] ?? []) : []))
  if (figures.length < ROUNDS_A_BLOCK) return undefined
  return figures.reduce((sum, one) => sum + one, 0) / figures.length
}
