import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Random, seededRandom } from '../../../src/core/random.ts'
import { bucket } from '../../../src/policy/bucket.ts'
import type { PolicyView } from '../../../src/policy/policy.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { LengthHistogram } from '../../../src/shared/length-histogram.ts'
import { viewOf } from '../../contract/policy.contract.ts'
import { enginesOf } from '../../support/engines.ts'

const BOUND = { loadFactor: 1.25, loadMargin: 4 }
const ENGINES = enginesOf(4)

interface Sent {
  readonly slot: number
  readonly bytes: number
}

/** Sends prompts of these lengths, 100 a second, to engines that have nothing to wait for. */
function send(lengths: LengthHistogram, random: Random, count: number, lengthOf: () => number): Sent[] {
  const policy = bucket(BOUND, lengths)
  const view: PolicyView = { ...viewOf([]), random }
  return Array.from({ length: count }, (_, index) => {
    const bytes = lengthOf()
    const { slot } = policy(ENGINES, view, { promptBytes: bytes })
    lengths.note(bytes, Math.floor(index / 100))
    return { slot, bytes }
  })
}

/** The share of all bytes that each engine has got. */
function sharesOf(sent: readonly Sent[]): number[] {
  const total = sent.reduce((sum, { bytes }) => sum + bytes, 0)
  return ENGINES.map(engine =>
    sent.reduce((sum, { slot, bytes }) => (slot === engine.slot ? sum + bytes / total : sum), 0),
  )
}

function newLengths(): LengthHistogram {
  return new LengthHistogram(createSharedMemory(4, 1), 5)
}

suite('bucket', () => {
  test('gives each engine about the same number of bytes, whatever the lengths are', () => {
    const random = seededRandom(1)
    for (const lengthOf of [
      () => 100 + random() * 100_000,
      () => Math.ceil(Math.exp(4 + 8 * random())),
      () => 5000,
      () => (random() < 0.9 ? 300 : 50_000),
    ]) {
      const sent = send(newLengths(), random, 6000, lengthOf).slice(2000)
      for (const share of sharesOf(sent)) assert.ok(share > 0.19 && share < 0.31, `${share}`)
    }
  })

  test('keeps short prompts away from the engines that get long ones', () => {
    const random = seededRandom(2)
    const sent = send(newLengths(), random, 4000, () => Math.ceil(Math.exp(4 + 8 * random()))).slice(1000)
    const longest = (engine: number): number =>
      Math.max(...sent.filter(({ slot }) => slot === engine).map(({ bytes }) => bytes))
    const shortest = (engine: number): number =>
      Math.min(...sent.filter(({ slot }) => slot === engine).map(({ bytes }) => bytes))
    for (const engine of [0, 1]) assert.ok(longest(engine) < shortest(engine + 2), `engine ${engine}`)
  })

  test('follows the traffic when its prompts become longer', () => {
    const random = seededRandom(3)
    const lengths = newLengths()
    send(lengths, random, 3000, () => 100 + random() * 1000)
    const sent = send(lengths, random, 6000, () => 20_000 + random() * 100_000).slice(5000)
    for (const share of sharesOf(sent)) assert.ok(share > 0.19 && share < 0.31, `${share}`)
  })

  test('remembers the lengths of a fleet that was idle', () => {
    const lengths = newLengths()
    for (let index = 0; index < 100; index++) lengths.note(1000, 0)
    for (let hour = 1; hour < 20; hour++) lengths.note(1000, hour * 3600)
    assert.equal(lengths.shareBelow(500, 0.5), 0)
    assert.equal(lengths.shareBelow(1000, 0.5), 0.5)
    assert.equal(lengths.shareBelow(2000, 0.5), 1)
  })

  test('sends nothing new to an engine that has much more to compute than the others', () => {
    const lengths = newLengths()
    for (let index = 0; index < 100; index++) lengths.note(1000, 0)
    const view = {
      ...viewOf([]),
      random: () => 0,
      work: (slot: number) => [50_000, 900, 100, 900][slot] ?? 0,
    }
    assert.equal(bucket(BOUND, lengths)(ENGINES, view, { promptBytes: 1000 }).slot, 2)
    const idle = { ...viewOf([]), random: () => 0 }
    assert.equal(bucket(BOUND, lengths)(ENGINES, idle, { promptBytes: 1000 }).slot, 0)
  })

  test('sends requests whose prompt is unknown by load', () => {
    const policy = bucket(BOUND, newLengths())
    assert.equal(policy(ENGINES, viewOf([1, 1, 0, 1]), {}).slot, 2)
    assert.equal(policy(ENGINES, viewOf([1, 0, 1, 1])).slot, 1)
  })
})
