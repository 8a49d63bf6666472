import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import type { Engine, EngineRanks } from '../../../../src/core/engine.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import type { PolicyName } from '../../../../src/policy/policies.ts'
import type { PromptView } from '../../../../src/policy/policy.ts'
import { EngineCaches } from '../../../../src/shared/engine-caches.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { LengthHistogram } from '../../../../src/shared/length-histogram.ts'
import { PrefixIndex } from '../../../../src/shared/prefix-index.ts'
import { StickyKeys } from '../../../../src/shared/sticky-keys.ts'
import { createPolicies } from '../../../../workers/policy/create-policies.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import { policyViews } from '../../../../workers/selection/policy-views.ts'
import { PromptCaches } from '../../../../workers/selection/prompt-caches.ts'
import { RankTargets } from '../../../../workers/selection/rank-targets.ts'
import { engineOf } from '../../../support/engines.ts'
import { heldLease } from '../../../support/held-lease.ts'

const TWO: EngineRanks = { count: 2, field: 'routed_dp_rank' }
/** Three ranks and an engine without any. */
const ENGINES = [engineOf({ slot: 0, ranks: { ...TWO, count: 3 } }), engineOf({ slot: 1, maxRunning: 2 })]

interface Needs {
  readonly pinnedRank?: number
  readonly prompt?: PromptView | undefined
}

const nowMs = (): number => 0

function setUp(engines: readonly Engine[]) {
  const shared = createSharedMemory(4, 2, undefined, { indexBytes: 1_048_576 })
  const slots = new EngineSlots(shared)
  const caches = new EngineCaches(shared)
  let next = 0
  const counters = { next: () => next++ }
  const config = configSchema.parse({})
  const ranks = new RankTargets(slots, config)
  const view = policyViews({
    slots: ranks,
    others: slots,
    caches,
    counters,
    random: seededRandom(1),
    nowMs,
  }).mixed
  ranks.update(engines)
  const index = new PrefixIndex(shared)
  const metrics = { blocksDisplaced: () => undefined, predictionCorrected: () => undefined }
  const prompts = new PromptCaches({ isUsed: true, index, caches, thread: 0, maxEngines: 4, nowMs, metrics })
  const sticky = new StickyKeys(shared, { slots, maxIdleSecs: 60, nowMs })
  const lengths = new LengthHistogram(shared, 60)
  const policyOf = (main: PolicyName) => createPolicies({ ...config.policy, main }, { sticky, lengths }).mixed
  prompts.makeRoom(ranks.size)
  const choose = (name: PolicyName, from: readonly Engine[], needs: Needs = {}): Engine =>
    ranks.engineOf(policyOf(name)(ranks.of(from, needs.pinnedRank), view, needs))
  return { slots, ranks, prompts, shared, choose }
}

/** `slot/rank`, or the slot alone. */
function nameOf({ slot, rank }: Engine): string {
  return rank === undefined ? String(slot) : `${slot}/${rank.number}`
}

suite('a fleet in which an engine has ranks', () => {
  for (const name of ['least_load', 'round_robin', 'cache_aware'] as const)
    test(`gets the same load on each rank as on an engine of its own (${name})`, () => {
      const { slots, choose } = setUp(ENGINES)
      const chosen = Array.from({ length: 8 }, () => {
        const engine = choose(name, ENGINES)
        heldLease(slots, 0, engine)
        return nameOf(engine)
      })
      assert.deepEqual(chosen.toSorted(), ['0/0', '0/0', '0/1', '0/1', '0/2', '0/2', '1', '1'])
      assert.deepEqual([slots.inFlight(0), slots.inFlight(1)], [6, 2])
    })

  test('has the KV cache of its engine in equal parts', () => {
    const engines = [
      engineOf({ slot: 0, ranks: TWO, kvTokens: 400_000 }),
      engineOf({ slot: 1, kvTokens: 600_000 }),
    ]
    const { slots, choose } = setUp(engines)
    const chosen = Array.from({ length: 10 }, () => {
      const engine = choose('least_load', engines)
      heldLease(slots, 0, engine)
      return nameOf(engine)
    })
    assert.deepEqual(chosen.toSorted(), ['0/0', '0/0', '0/1', '0/1', '1', '1', '1', '1', '1', '1'])
  })

  test('counts a request on its rank until its lease is released, or its thread dies', () => {
    const { slots, choose } = setUp(ENGINES)
    const engine = choose('least_load', ENGINES, { pinnedRank: 2 })
    const target = engine.rank?.target ?? -1
    const lease = heldLease(slots, 0, engine)
    heldLease(slots, 1, engine)
    assert.equal(slots.rankInFlight(target), 2)
    lease.release()
    lease.release()
    assert.equal(slots.rankInFlight(target), 1)
    slots.clearThread(1)
    assert.deepEqual([slots.rankInFlight(target), slots.inFlight(0)], [0, 0])
  })

  test('gets a pinned rank where an engine has it, and the request as it is where it has not', () => {
    const { choose } = setUp(ENGINES)
    const [ranked] = ENGINES
    assert.ok(ranked)
    const pinned = [0, 1, 2, 3, -1].map(pinnedRank => nameOf(choose('random', [ranked], { pinnedRank })))
    assert.deepEqual(pinned, ['0/0', '0/1', '0/2', '0', '0'])
  })

  test('prefers ranks with room, whatever the policy says', () => {
    const engines = [engineOf({ slot: 0, maxRunning: 4, ranks: TWO })]
    const { slots, choose } = setUp(engines)
    for (const pinnedRank of [0, 0]) {
      heldLease(slots, 0, choose('random', engines, { pinnedRank }))
    }
    const chosen = Array.from({ length: 20 }, () => nameOf(choose('random', engines)))
    assert.deepEqual(new Set(chosen), new Set(['0/1']))
  })

  test('is as one without ranks once its engine has none', () => {
    const { ranks } = setUp(ENGINES)
    assert.deepEqual([ranks.isUsed, ranks.size], [true, 9])
    ranks.update([engineOf({ slot: 0 })])
    assert.deepEqual([ranks.isUsed, ranks.size], [false, 0])
  })
})

test('prompts that begin alike stay on the rank that has the beginning, and others go to other ranks', () => {
  const engines = [engineOf({ slot: 0, ranks: TWO }), engineOf({ slot: 1, ranks: TWO })]
  const { prompts, slots, choose } = setUp(engines)
  const rankFor = (group: number, turn: number): string => {
    const body = Buffer.from(`${`group ${group} `.repeat(600)} turn ${turn}`)
    const prompt = new HashedPrompt(body, { seeds: [], parts: [{ start: 0, end: body.length }] })
    const view = prompts.viewOf(prompt)
    const engine = choose('cache_aware', engines, { prompt: view })
    const task = prompts.start(prompt, engine.rank?.target ?? -1)
    if (turn > 0) assert.ok((task?.predictedShare ?? 0) > 0.9, `group ${group} is cached`)
    task?.end()
    heldLease(slots, 0, engine).release()
    return nameOf(engine)
  }
  const groups = [...Array(32).keys()]
  const first = groups.map(group => rankFor(group, 0))
  assert.equal(new Set(first).size, 4)
  assert.deepEqual(
    groups.map(group => rankFor(group, 1)),
    first,
  )
})

test('an engine that is back remembers nothing on any of its ranks', () => {
  const { shared, slots } = setUp(ENGINES)
  const caches = new EngineCaches(shared)
  const targets = [0, 1, 2].map(rank => slots.targetOf(1, rank))
  for (const target of targets) caches.write(target, { window: 5, capacity: 9, longestHit: 5 })
  caches.forget(1)
  for (const target of targets) assert.equal(caches.read(target).window, 0)
})
