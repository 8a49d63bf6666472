/** What a router thread believes of caches, against engines that evict what was not used for longest, on a virtual clock. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { cacheAware } from '../../../../src/policy/cache-aware.ts'
import { type CacheCorrection, EngineCaches } from '../../../../src/shared/engine-caches.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { PrefixIndex } from '../../../../src/shared/prefix-index.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import { policyViews } from '../../../../workers/selection/policy-views.ts'
import type { PrefillTask } from '../../../../workers/selection/prefill-task.ts'
import { PromptCaches } from '../../../../workers/selection/prompt-caches.ts'
import { engineOf } from '../../../support/engines.ts'

const POLICY = cacheAware()

const ENGINES = 4
const PAGE_CHARS = 256
const PREFIX_CHARS = 8192
const STEP_MS = 500

interface Fleet {
  /** @returns the share of the prompt that its engine had cached. */
  ask(text: string): number
  flush(): void
  work(): number
  /** How often predictions were corrected, by kind. */
  readonly corrections: Partial<Record<CacheCorrection, number>>
  latestCorrection(): unknown
}

/** `pages`: what an engine has room for. */
function openFleet(number: number, pages: number): Fleet {
  const shared = createSharedMemory(ENGINES, 1, undefined, { indexBytes: 1_048_576 })
  const caches = new EngineCaches(shared)
  let clockMs = 0
  const nowMs = (): number => clockMs
  const index = new PrefixIndex(shared)
  const corrections: Partial<Record<CacheCorrection, number>> = {}
  const metrics = {
    predictionCorrected: (_: number, kind: CacheCorrection) => {
      corrections[kind] = (corrections[kind] ?? 0) + 1
    },
    blocksDisplaced: () => assert.fail('the index is large enough'),
  }
  const isUsed = true
  const known = new PromptCaches({ isUsed, index, caches, thread: 0, maxEngines: ENGINES, nowMs, metrics })
  const slots = new EngineSlots(shared)
  const view = policyViews({
    slots,
    others: slots,
    caches,
    counters: { next: () => 0 },
    random: () => 0,
    nowMs,
  }).mixed
  // Which engine a prefix is named to follows from the addresses.
  const engines = Array.from({ length: ENGINES }, (_, slot) =>
    engineOf({ slot, url: `http://127.0.0.1:${20_000 + 37 * number + slot}` }),
  )
  const cached = engines.map(() => new Set<string>())
  return {
    ask(text) {
      clockMs += STEP_MS
      const prompt = promptOf(text)
      const { slot } = POLICY(engines, view, { prompt: known.viewOf(prompt) })
      const task = known.start(prompt, slot)
      assert.ok(task)
      const hit = touch(cached[slot] ?? new Set(), text, pages)
      task.end()
      task.report(hit * PAGE_CHARS, text.length)
      return (hit * PAGE_CHARS) / text.length
    },
    corrections,
    latestCorrection: () =>
      engines.map(({ slot }) => caches.latestCorrection(slot, clockMs / 1000)?.kind).find(kind => kind),
    flush: () => cached.forEach(set => set.clear()),
    work: () => engines.reduce((sum, { slot }) => sum + caches.work(slot), 0),
  }
}

/** @returns how many pages from the beginning were cached. */
function touch(cached: Set<string>, text: string, pages: number): number {
  let hit = 0
  let isHit = true
  for (let end = PAGE_CHARS; end <= text.length; end += PAGE_CHARS) {
    const page = text.slice(0, end)
    isHit &&= cached.has(page)
    if (isHit) hit++
    cached.delete(page)
    cached.add(page)
  }
  for (const page of cached) {
    if (cached.size <= pages) break
    cached.delete(page)
  }
  return hit
}

function textOf(number: number, chars: number): string {
  const word = `${(number + 1) * 7919} `
  return word.repeat(Math.ceil(chars / word.length)).slice(0, chars)
}

/** Asks prefixes in turn, each time with another end. @returns how many of the prompts were not cached. */
function misses(fleet: Fleet, prefixes: number, turns: number): number {
  let count = 0
  for (let index = 0; index < prefixes * turns; index++) {
    const text = textOf(index % prefixes, PREFIX_CHARS) + textOf(1e6 + index, PAGE_CHARS)
    if (fleet.ask(text) < 0.9) count++
  }
  return count
}

function promptOf(text: string): HashedPrompt {
  return new HashedPrompt(Buffer.from(text), { seeds: [], parts: [{ start: 0, end: text.length }] })
}

suite('what is known of the caches of engines', () => {
  test('includes what decode engines have received, and only as far as it was received', () => {
    const shared = createSharedMemory(ENGINES, 1, undefined, { indexBytes: 1_048_576 })
    const caches = new EngineCaches(shared)
    const index = new PrefixIndex(shared)
    const metrics = { predictionCorrected: () => undefined, blocksDisplaced: () => undefined }
    const options = { isUsed: true, index, caches, thread: 0, maxEngines: ENGINES, nowMs: () => 0, metrics }
    const known = new PromptCaches(options)
    const first = textOf(1, 1024)
    known.noteReceived(promptOf(first), 2)
    const next = known.viewOf(promptOf(first + textOf(2, 1024)))
    assert.deepEqual(
      [0, 1, 2, 3].map(slot => next?.cachedBytes(slot)),
      [0, 0, 1024, 0],
    )
    assert.equal(caches.computedBytes(2), 1024)
    known.noteReceived(promptOf(first + textOf(2, 1024)), 2)
    assert.equal(caches.computedBytes(2), 2048)
    new PromptCaches({ ...options, isUsed: false }).noteReceived(promptOf(textOf(3, 1024)), 1)
    assert.equal(caches.computedBytes(1), 0)
  })

  test('includes nothing of a prompt that is too short to be cached, which is no work either', () => {
    const shared = createSharedMemory(ENGINES, 1, undefined, { indexBytes: 1_048_576 })
    const caches = new EngineCaches(shared)
    const index = new PrefixIndex(shared)
    const metrics = { predictionCorrected: () => undefined, blocksDisplaced: () => undefined }
    const known = new PromptCaches({
      isUsed: true,
      index,
      caches,
      thread: 0,
      maxEngines: ENGINES,
      nowMs: () => 0,
      metrics,
    })
    const prompt = promptOf(textOf(1, 255))
    assert.equal(known.viewOf(prompt), undefined)
    assert.equal(known.start(prompt, 1), undefined)
    known.noteReceived(prompt, 1)
    assert.ok(prompt.shortKey !== undefined)
    assert.deepEqual([index.size, caches.computedBytes(1), caches.recent(1, 0), caches.work(1)], [0, 0, 0, 0])
  })

  test('finds every prefix again where all have room', () => {
    for (let number = 0; number < 10; number++) {
      const fleet = openFleet(number, 10_000)
      assert.equal(misses(fleet, 40, 1), 40)
      assert.equal(misses(fleet, 40, 1), 0)
    }
  })

  test('spreads prefixes until each has room, although an engine holds only two of them', () => {
    let converged = 0
    for (let number = 0; number < 20; number++) {
      // 33 pages each: three on one engine evict each other before their next use.
      const fleet = openFleet(number, 78)
      misses(fleet, 16, 2)
      misses(fleet, 8, 30)
      if (misses(fleet, 8, 2) === 0) converged++
    }
    assert.ok(converged >= 17, `${converged} of 20 fleets`)
  })

  test('costs one computation of each prefix after all caches were lost', () => {
    for (let number = 0; number < 20; number++) {
      const fleet = openFleet(number, 10_000)
      misses(fleet, 12, 3)
      fleet.flush()
      const lost = misses(fleet, 12, 2)
      assert.ok(lost <= 14, `${lost} computations of 12 prefixes`)
      assert.equal(misses(fleet, 12, 2), 0)
    }
  })

  test('is not corrected while it is right, and says so when it was wrong', () => {
    const fleet = openFleet(1, 10_000)
    misses(fleet, 12, 3)
    assert.deepEqual(fleet.corrections, {})
    fleet.flush()
    misses(fleet, 12, 1)
    // The first prompt of each engine shows that its cache is lost; then nothing is expected of it.
    const { lost = 0, ...others } = fleet.corrections
    assert.ok(lost >= 1 && lost <= ENGINES, JSON.stringify(fleet.corrections))
    assert.deepEqual(others, {})
    assert.equal(fleet.latestCorrection(), 'lost')
  })

  test('is corrected when an engine evicts sooner than expected', () => {
    const fleet = openFleet(1, 78)
    misses(fleet, 16, 3)
    assert.ok((fleet.corrections.evicted ?? 0) > 0, JSON.stringify(fleet.corrections))
  })

  test('has no work left when all prompts have been computed', () => {
    const fleet = openFleet(1, 100)
    misses(fleet, 10, 3)
    assert.equal(fleet.work(), 0)
  })
})

/** One engine, whose prompts the tests begin, end and report as they need. Tokens have four bytes. */
function openEngine() {
  const shared = createSharedMemory(1, 1, undefined, { indexBytes: 1_048_576 })
  const caches = new EngineCaches(shared)
  const corrections: CacheCorrection[] = []
  const known = new PromptCaches({
    isUsed: true,
    index: new PrefixIndex(shared),
    caches,
    metrics: {
      blocksDisplaced: () => undefined,
      predictionCorrected: (_, kind) => void corrections.push(kind),
    },
    thread: 0,
    maxEngines: 1,
    nowMs: () => 0,
  })
  const start = (text: string): PrefillTask => {
    const task = known.start(promptOf(text), 0)
    assert.ok(task)
    return task
  }
  const ask = (text: string, cachedTokens: number): void => {
    const task = start(text)
    task.end()
    task.report(cachedTokens, text.length / 4)
  }
  /** Computes prompts and uses the first of them again, so that the engine is known to remember it. */
  const warmUp = (): void => {
    for (let number = 100; number < 108; number++) ask(textOf(number, PREFIX_CHARS), 0)
    ask(textOf(100, PREFIX_CHARS), PREFIX_CHARS / 4)
    assert.ok(caches.read(0).longestHit > 0)
  }
  const cachedBytes = (text: string): number => known.viewOf(promptOf(text))?.cachedBytes(0) ?? 0
  return { caches, corrections, start, ask, warmUp, cachedBytes }
}

suite('a report of less than was expected', () => {
  const prefix = textOf(1, PREFIX_CHARS)
  const tokens = PREFIX_CHARS / 4

  test('changes nothing if the prompt came while its beginning was being computed', () => {
    const { caches, corrections, start, warmUp } = openEngine()
    warmUp()
    const { window, capacity, longestHit } = caches.read(0)
    const samples = Array.from({ length: 4 }, () => start(prefix))
    assert.deepEqual(
      samples.map(({ predictedShare }) => predictedShare),
      [0, 1, 1, 1],
    )
    for (const sample of samples) {
      sample.end()
      sample.report(0, tokens)
    }
    assert.deepEqual(corrections, [])
    const learned = caches.read(0)
    assert.ok(learned.window >= window)
    assert.deepEqual([learned.capacity, learned.longestHit], [capacity, longestHit])
  })

  test('changes nothing on an engine of which nothing is known either', () => {
    const { caches, corrections, start } = openEngine()
    const samples = [start(prefix), start(prefix)]
    for (const sample of samples) {
      sample.end()
      sample.report(0, tokens)
    }
    assert.deepEqual(corrections, [])
    assert.ok(caches.read(0).window > 0)
  })

  test('counts once all that the engine got until then has been computed', () => {
    const { corrections, start, ask, warmUp } = openEngine()
    warmUp()
    ask(prefix, 0)
    start(textOf(2, PREFIX_CHARS)).end()
    ask(prefix, 0)
    assert.deepEqual(corrections, ['lost'])
  })

  test('counts once if several prompts are on their way when the cache is lost', () => {
    const { caches, corrections, start, warmUp } = openEngine()
    warmUp()
    const { capacity } = caches.read(0)
    const tasks = [101, 102, 103].map(number => start(textOf(number, PREFIX_CHARS)))
    for (const task of tasks) {
      task.end()
      task.report(0, tokens)
    }
    assert.deepEqual(corrections, ['lost'])
    assert.equal(caches.read(0).capacity, capacity)
  })

  test('does not shrink what an engine has room for that was new when it got the prompt', () => {
    const { caches, corrections, start, ask, warmUp } = openEngine()
    warmUp()
    const { capacity } = caches.read(0)
    caches.forget(0)
    const task = start(textOf(107, PREFIX_CHARS))
    assert.equal(task.predictedShare, 0)
    for (let number = 200; number < 220; number++) ask(textOf(number, PREFIX_CHARS), 0)
    task.end()
    task.report(0, tokens)
    assert.deepEqual(corrections, [])
    assert.equal(caches.read(0).capacity, capacity)
  })

  test('agrees with the prediction if the new tokens are as many as a dense text has', () => {
    const { caches, corrections, start, ask, warmUp } = openEngine()
    warmUp()
    ask(prefix, 0)
    const { capacity, longestHit } = caches.read(0)
    // Two bytes to each token of the new part, and twelve to those of the prefix, where characters are escaped.
    const task = start(prefix + textOf(3, PREFIX_CHARS))
    task.end()
    const cached = Math.round(PREFIX_CHARS / 12)
    task.report(cached, cached + PREFIX_CHARS / 2)
    assert.deepEqual(corrections, [])
    assert.deepEqual([caches.read(0).capacity, caches.read(0).longestHit], [capacity, longestHit])
  })
})

suite('a prompt that was not computed', () => {
  const prefix = textOf(1, PREFIX_CHARS)

  test('is not expected to be cached, but what was before is', () => {
    const { corrections, start, ask, warmUp, cachedBytes } = openEngine()
    warmUp()
    ask(prefix, 0)
    const longer = prefix + textOf(2, PREFIX_CHARS)
    start(longer).drop()
    assert.equal(cachedBytes(longer), PREFIX_CHARS)
    start(textOf(3, PREFIX_CHARS)).drop()
    ask(textOf(3, PREFIX_CHARS), 0)
    assert.deepEqual(corrections, [])
  })

  test('leaves no work', () => {
    const { caches, start } = openEngine()
    start(prefix).drop()
    assert.equal(caches.work(0), 0)
  })
})

test('an engine that was forgotten is not expected to hold even what it used just before', () => {
  const { caches, ask, cachedBytes } = openEngine()
  const prefix = textOf(1, PREFIX_CHARS)
  for (let turn = 0; turn < 3; turn++) ask(prefix, turn === 0 ? 0 : PREFIX_CHARS / 4)
  caches.forget(0)
  assert.equal(cachedBytes(prefix), 0)
  ask(textOf(2, 512), 0)
  assert.equal(cachedBytes(prefix), 0)
  assert.equal(cachedBytes(textOf(2, 512)), 512)
})

suite('what KV events say of a prompt', () => {
  const text = textOf(1, PREFIX_CHARS)
  const body = Buffer.from(text)
  const prompt = new HashedPrompt(body, { seeds: [], parts: [{ start: 0, end: body.length }] })

  /** An engine that has got the prompt, and of which events say that it holds a quarter of it. */
  function afterPrompt(isComplete: boolean, isEnded: boolean): { cachedShare: number; predicted: number } {
    const shared = createSharedMemory(ENGINES, 1, undefined, { indexBytes: 1_048_576 })
    const known = new PromptCaches({
      isUsed: true,
      index: new PrefixIndex(shared),
      caches: new EngineCaches(shared),
      metrics: { blocksDisplaced: () => undefined, predictionCorrected: () => undefined },
      exact: { shareOf: (_, slot) => (slot === 0 ? { share: 0.25, isComplete } : undefined) },
      thread: 0,
      maxEngines: ENGINES,
      nowMs: () => 0,
    })
    const task = known.start(prompt, 0)
    if (isEnded) task?.end()
    const view = known.viewOf(prompt)
    assert.ok(view)
    assert.equal(view.cachedBytes(1), 0)
    const cachedShare = view.cachedBytes(0) / view.bytes
    return { cachedShare, predicted: known.start(prompt, 0)?.predictedShare ?? 0 }
  }

  test('counts instead of what is remembered', () => {
    assert.deepEqual(afterPrompt(true, true), { cachedShare: 0.25, predicted: 0.25 })
  })

  test('does not count against what is remembered while events are missing', () => {
    assert.deepEqual(afterPrompt(false, true), { cachedShare: 1, predicted: 1 })
  })

  test('does not count against what the engine computes just now', () => {
    assert.deepEqual(afterPrompt(true, false), { cachedShare: 1, predicted: 1 })
  })
})
