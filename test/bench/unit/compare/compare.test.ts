/** The order of rounds, the interval of a median, and the differences in a report of `bench compare`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianInterval } from '../../../../bench/compare/bootstrap.ts'
import { differencesOf } from '../../../../bench/compare/differences.ts'
import { figuresOf } from '../../../../bench/compare/figures.ts'
import { roundOrder } from '../../../../bench/compare/order.ts'
import { compareText, roundText } from '../../../../bench/compare/text.ts'
import { type Random, seededRandom } from '../../../../src/core/random.ts'
import { compareReportOf, roundOf } from '../../support/compare-report.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const NAMES = ['before', 'after']
const ABBA = ['before', 'after', 'after', 'before']

function blocksOf(count: number): string[] {
  return Array.from({ length: count }, () => ABBA).flat()
}

function letters(targets: number, blocks: number): string {
  return roundOrder(targets, blocks)
    .map(({ target }) => 'ABC'[target])
    .join('')
}

test('a block is an order of the targets and its reverse, and the next block starts with the next target', () => {
  assert.equal(letters(2, 2), 'ABBABAAB')
  assert.equal(letters(3, 2), 'ABCCBABCAACB')
  assert.deepEqual(roundOrder(2, 2)[5], { target: 0, block: 1, positionInBlock: 1 })
})

test('the interval of equal values has no width, that of one value is infinite', () => {
  assert.deepEqual(medianInterval([3, 3, 3], 0.95, seededRandom(1)), { median: 3, low: 3, high: 3 })
  assert.deepEqual(medianInterval([3], 0.95, seededRandom(1)), { median: 3, low: -Infinity, high: Infinity })
})

test('the same seed yields the same interval, and a higher level a wider one', () => {
  const values = Array.from({ length: 12 }, (_, index) => (index * 7) % 12)
  const interval = (level: number) => medianInterval(values, level, seededRandom(1))
  assert.deepEqual(interval(0.95), interval(0.95))
  assert.ok(interval(0.99).high > interval(0.9).high && interval(0.99).low < interval(0.9).low)
})

/** How often the interval of twelve differences of equals contains zero, over many repetitions. */
function holdsZeroShare(draw: (chance: Random) => number, level: number): number {
  const chance = seededRandom(3)
  const intervals = Array.from({ length: 300 }, () => {
    const values = Array.from({ length: 12 }, () => draw(chance) - draw(chance))
    return medianInterval(values, level, chance)
  })
  return intervals.filter(({ low, high }) => low <= 0 && high >= 0).length / intervals.length
}

const NOISES: Record<string, (chance: Random) => number> = {
  even: chance => chance(),
  'long-tailed': chance => (-Math.log(1 - chance())) ** 3,
  'now and then far off': chance => chance() * (chance() < 0.15 ? 8 : 1),
}

for (const [name, noise] of Object.entries(NOISES)) {
  test(`the interval of a difference of equals with ${name} noise contains zero as often as its level says`, () => {
    assert.ok(holdsZeroShare(noise, 0.95) >= 0.93)
    assert.ok(holdsZeroShare(noise, 1 - 0.05 / 8) >= 0.985)
  })
}

test('a slower target is different in each slower metric, and not in equal ones', () => {
  const rounds = blocksOf(12).map((target, index) => roundOf(target, index))
  const found = new Map(differencesOf(NAMES, rounds, 1).map(one => [one.metric, one]))
  assert.equal(found.size, 8)
  assert.equal(found.get('ttftP50Ms')?.holdsZero, false)
  assert.equal(found.get('ttftP50Ms')?.absolute.median, 1.5)
  assert.equal(found.get('ttftP50Ms')?.ratio?.median, 1.125)
  assert.equal(found.get('successPercent')?.holdsZero, true)
  assert.equal(found.get('rssBytes')?.pairs, 12)
})

test('a steady drift far larger than a difference does not hide it', () => {
  const rounds = blocksOf(12).map((target, index) => {
    const latencyP50Ms = (target === 'after' ? 45 : 40) + index * 20
    return roundOf(target, index, { latencyP50Ms })
  })
  const drifted = differencesOf(NAMES, rounds, 1).find(({ metric }) => metric === 'latencyP50Ms')
  assert.equal(drifted?.absolute.median, 5)
  assert.equal(drifted?.holdsZero, false)
})

test('incomplete blocks and unknown figures are left out of the differences', () => {
  const rounds = blocksOf(3)
    .slice(0, -1)
    .map((target, index) => roundOf(target, index, { cpuUsPerRequest: undefined }))
  const differences = differencesOf(NAMES, rounds, 1)
  assert.deepEqual([...new Set(differences.map(({ pairs }) => pairs))], [2])
  assert.equal(
    differences.some(({ metric }) => metric === 'cpuUsPerRequest'),
    false,
  )
})

test('each pair of three targets is compared, at a level at which all intervals hold together', () => {
  const order = ['before', 'after', 'third', 'third', 'after', 'before']
  const rounds = [...order, ...order].map((target, index) =>
    roundOf(target, index, { block: Math.floor(index / order.length) }),
  )
  const differences = differencesOf(['before', 'after', 'third'], rounds, 1)
  assert.deepEqual(
    [...new Set(differences.map(({ base, target }) => `${base} ${target}`))],
    ['before after', 'before third', 'after third'],
  )
  assert.ok(differences.every(({ level }) => Math.abs(level - (1 - 0.05 / 24)) < 1e-9))
})

test('latencies of a round cover correct responses, and its cost covers all requests', () => {
  const result = resultOf([recordOf(), recordOf({ outcome: 'failed', endMs: 400 })])
  const figures = figuresOf(result, { cpuUs: 500, rssBytes: 7 })
  assert.deepEqual(figures.requests, { sent: 2, ok: 1, failed: 1, refused: 0 })
  assert.deepEqual(
    [figures.successPercent, figures.latencyP50Ms, figures.ttftP50Ms, figures.cpuUsPerRequest],
    [50, 100, 20, 250],
  )
  assert.equal('rssBytes' in figuresOf(result, undefined), false)
})

test('a round without a correct response has no latency, so that a dead target never seems fast', () => {
  const figures = figuresOf(resultOf([recordOf({ outcome: 'failed', endMs: 1 })]), undefined)
  assert.equal(figures.successPercent, 0)
  const dead = { latencyP50Ms: figures.latencyP50Ms, latencyP99Ms: figures.latencyP99Ms }
  assert.deepEqual(dead, { latencyP50Ms: undefined, latencyP99Ms: undefined })
  const rounds = blocksOf(12).map((target, index) => {
    const round = roundOf(target, index, { successPercent: target === 'after' ? 0 : 100 })
    return target === 'after' ? Object.assign(round, dead) : round
  })
  const metrics = new Set(differencesOf(NAMES, rounds, 1).map(({ metric }) => metric))
  assert.deepEqual([metrics.has('successPercent'), metrics.has('latencyP50Ms')], [true, false])
  assert.match(roundText(Object.assign(roundOf('after', 0), dead)), /, p50 -\n$/)
})

test('the text counts the failures of each target', () => {
  const requests = { sent: 60, ok: 20, failed: 30, refused: 10 }
  const rounds = [
    roundOf('before', 0),
    { ...roundOf('after', 1), requests },
    { ...roundOf('after', 2), requests },
  ]
  const text = compareText({ ...compareReportOf(), rounds })
  assert.match(text, /^after: 80 of 120 requests failed$/m)
  assert.doesNotMatch(text, /^before: /m)
})

test('the text marks each metric as different or not, and warns of a saturated generator', () => {
  const text = compareText(compareReportOf())
  assert.match(text, /TTFT p50, ms +12\.00 +13\.50 +\+1\.500 +\+1\.000 +\+2\.000 +1\.125 {2}DIFFERENT/)
  assert.match(text, /correct responses, % .* no difference shown/)
  assert.doesNotMatch(text, /warning/)
  const busy = { ...compareReportOf(), rounds: [{ ...roundOf('before', 0), isGeneratorLimit: true }] }
  assert.match(compareText(busy), /warning: a generator process was saturated in 1 round and/)
})
