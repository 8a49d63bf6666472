/** Prompts of groups: each group has a system prompt of its own, each request a question of its own. Pure. */
import { mix } from '../../../src/core/random.ts'
import type { Dataset } from '../plan/plan.ts'
import type { Message, Prompt, Prompts } from './prompt.ts'
import { wordsOf } from './words.ts'

export type GroupDataset = Extract<Dataset, { kind: 'shared-prefix' }>

const CHOICE_SALT = 0x67_72_70_73

export function groupPrompts(dataset: GroupDataset, base: number): Prompts {
  const groupAt = groupChoice(dataset, base)
  return {
    promptAt: index => groupPrompt(dataset, base, { group: groupAt(index), index }),
    pins: engines => {
      const engineOf = evenPlacement(groupShares(dataset), engines)
      return index => engineOf[groupAt(index)] ?? 0
    },
  }
}

/** The share of the requests that each group gets; all together are 1. */
export function groupShares({ groups, popularity, zipfExponent }: GroupDataset): readonly number[] {
  const weights = Array.from({ length: groups }, (_, group) =>
    popularity === 'zipf' ? (group + 1) ** -zipfExponent : 1,
  )
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map(weight => weight / total)
}

/** For each share, the engine that gets it: the one with the least so far, the largest share first. */
export function evenPlacement(shares: readonly number[], engines: number): readonly number[] {
  const loads = new Float64Array(engines)
  const placed = shares.map(() => 0)
  const bySize = [...shares.entries()].toSorted(([, a], [, b]) => b - a)
  for (const [group, share] of bySize) {
    const engine = loads.indexOf(Math.min(...loads))
    loads[engine] = (loads[engine] ?? 0) + share
    placed[group] = engine
  }
  return placed
}

function groupChoice(dataset: GroupDataset, base: number): (index: number) => number {
  const { groups, popularity } = dataset
  if (popularity === 'in-turn') return index => index % groups
  let sum = 0
  const ends = Float64Array.from(groupShares(dataset), share => (sum += share))
  return index => firstAbove(ends, mix(base ^ mix(index ^ CHOICE_SALT)) / 2 ** 32)
}

/** The first entry of an ascending list that is above the value, or the last. */
function firstAbove(ends: Float64Array, value: number): number {
  let [from, to] = [0, ends.length - 1]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((ends[middle] ?? 1) > value) to = middle
    else from = middle + 1
  }
  return from
}

function groupPrompt(
  { systemTokens, questionTokens, outputTokens }: GroupDataset,
  base: number,
  { group, index }: { readonly group: number; readonly index: number },
): Prompt {
  const messages: Message[] = [
    { role: 'system', content: wordsOf(mix(base + group), systemTokens) },
    { role: 'user', content: wordsOf(mix(base ^ mix(index)), questionTokens) },
  ]
  return { messages, maxTokens: outputTokens }
}
