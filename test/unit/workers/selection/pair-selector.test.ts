import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../../src/config/config.ts'
import type { Engine } from '../../../../src/core/engine.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import type { RankPins } from '../../../../src/eligibility/rank-pins.ts'
import type { RequestView } from '../../../../src/policy/policy.ts'
import { BreakerCells } from '../../../../src/shared/breaker-cells.ts'
import { SharedCounters } from '../../../../src/shared/counters.ts'
import { EngineCaches } from '../../../../src/shared/engine-caches.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { LengthHistogram } from '../../../../src/shared/length-histogram.ts'
import { PairHealth } from '../../../../src/shared/pair-health.ts'
import { StickyKeys } from '../../../../src/shared/sticky-keys.ts'
import { Breakers } from '../../../../workers/selection/breakers.ts'
import { type Pair, type PairChoice, PairSelector } from '../../../../workers/selection/pair-selector.ts'
import { engineOf } from '../../../support/engines.ts'
import { heldLease } from '../../../support/held-lease.ts'

const PAIRS = [
  engineOf({ slot: 0, role: 'prefill' }),
  engineOf({ slot: 1, role: 'prefill' }),
  engineOf({ slot: 2, role: 'decode' }),
  engineOf({ slot: 3, role: 'decode' }),
]
const NONE: ReadonlySet<number> = new Set()

interface Setup {
  readonly selector: PairSelector
  readonly slots: EngineSlots
  readonly breakers: Breakers
  readonly pairHealth: PairHealth
  readonly clock: { nowMs: number }
}

/** The selector of a thread that knows these engines, all of them healthy. */
function setUp(engines: readonly Engine[], config: ConfigInput = {}): Setup {
  const memory = createSharedMemory(8, 1)
  const slots = new EngineSlots(memory)
  const complete = configSchema.parse({
    engines: { mode: 'pd' },
    ...config,
    breaker: { openSecs: 1, failureThreshold: 2, ...config.breaker },
  })
  const clock = { nowMs: 1000 }
  const nowMs = (): number => clock.nowMs
  const breakers = new Breakers(new BreakerCells(memory), complete, {
    nowMs,
    generationOf: () => 1,
    inFlightOf: () => 0,
    onChange: () => undefined,
  })
  const pairHealth = new PairHealth(memory, complete.pairs)
  const counters = new SharedCounters(memory)
  const random = seededRandom(1)
  const caches = new EngineCaches(memory)
  const sticky = new StickyKeys(memory, { slots, maxIdleSecs: 60, nowMs })
  const lengths = new LengthHistogram(memory, 5)
  const view = { slots, caches, counters, breakers, pairHealth, sticky, lengths, random, nowMs }
  const selector = new PairSelector(complete, view)
  for (const { slot } of engines) slots.setHealth(slot, 'healthy')
  selector.update({ generation: 1, engines })
  return { selector, slots, breakers, pairHealth, clock }
}

/** `0→2`, or what is missing. */
function summaryOf(choice: PairChoice): string {
  switch (choice.kind) {
    case 'pair':
      return `${choice.pair.prefill?.slot ?? ''}→${choice.pair.decode.slot}`
    case 'none':
      return `no ${choice.missing}`
    case 'unnamed-model':
      return `one of ${choice.models.join()}`
    case 'unknown-model':
    case 'unserved':
    case 'full':
      return choice.kind
  }
}

function fail(setup: Setup, slot: number, times = 2): void {
  const engine = engineOf({ ...PAIRS[slot], slot })
  for (let time = 0; time < times; time++) setup.breakers.record(engine, 'failed')
}

function pairOf(prefill: number, decode: number): Pair {
  return { prefill: engineOf({ slot: prefill }), decode: engineOf({ slot: decode }) }
}

function ranked(slot: number, role: Engine['role'], count: number): Engine {
  return engineOf({ slot, role, ranks: { count, field: 'routed_dp_rank' } })
}

/** It accepts no ranks in a pair. */
function oldEngine(slot: number, role: Engine['role']): Engine {
  return engineOf({ slot, role, version: '0.5.9', dpSize: 4 })
}

/** Room on all engines but one. */
function unlessSlot2({ slot }: Engine): boolean {
  return slot !== 2
}

function losePair({ pairHealth, clock }: Setup, prefill: number, decode: number): void {
  pairHealth.failed(prefill, decode, clock.nowMs, true)
}

function engineWith(slot: number, role: Engine['role'], pageSize: number): Engine {
  return engineOf({ slot, role, pairing: { pageSize } })
}

function choices({ selector }: Setup): string[] {
  return [1, 2, 3, 4].map(() => summaryOf(selector.choose(undefined, new Set())))
}

/** Why prefill and decode were chosen. */
function reasonsOf({ selector }: Setup, hasRoom?: (engine: Engine) => boolean): unknown[] {
  const choice = selector.choose(undefined, NONE, hasRoom)
  return choice.kind === 'pair' ? [choice.pair.prefillReason, choice.pair.decodeReason] : [choice.kind]
}

suite('a pinned data-parallel rank', () => {
  const engines = [
    ranked(0, 'prefill', 2),
    engineOf({ slot: 1, role: 'prefill' }),
    ranked(2, 'decode', 4),
    ranked(3, 'decode', 2),
  ]

  test('leads each role to an engine that has it, and leaves the other role free', () => {
    const { selector } = setUp(engines, { policy: { main: 'round_robin' } })
    const pairsWith = (pins: RankPins): string[] => {
      const choose = (): string => summaryOf(selector.choose(undefined, NONE, undefined, { pins }))
      return [...new Set(Array.from({ length: 12 }, choose))].toSorted()
    }
    assert.deepEqual(pairsWith({ prefill: 1, decode: 3 }), ['0→2'])
    assert.deepEqual(pairsWith({ prefill: 1 }), ['0→2', '0→3'])
    assert.deepEqual(pairsWith({ decode: 3 }), ['0→2', '1→2'])
  })

  test('waits for its engine while that is unhealthy, in a line of its own', () => {
    const { selector, slots } = setUp(engines)
    const choose = (pins: RankPins): string =>
      summaryOf(selector.choose(undefined, NONE, undefined, { pins }))
    slots.setHealth(2, 'unhealthy')
    assert.equal(choose({ decode: 3 }), 'no decode')
    assert.match(choose({ decode: 1 }), /→3$/)
    assert.equal(selector.servedBy({ model: undefined }, { decode: 3 }), '0,1,2')
    assert.equal(selector.servedBy({ model: undefined }, { decode: 0 }), '')
  })

  test('leads to the engine that has it among those that serve the model', () => {
    const adapters = [
      engineOf({ slot: 0, role: 'mixed', dpSize: 2, models: ['base'] }),
      engineOf({ slot: 1, role: 'mixed', dpSize: 4, models: ['base', 'lora'] }),
      engineOf({ slot: 2, role: 'mixed', dpSize: 4, models: ['other'] }),
    ]
    const { selector } = setUp(adapters, { engines: { mode: 'mixed' } })
    const chosen = (model: string, rank: number): string[] => {
      const choose = (): string =>
        summaryOf(selector.choose(model, NONE, undefined, { pins: { mixed: rank } }))
      return [...new Set(Array.from({ length: 8 }, choose))].toSorted()
    }
    assert.deepEqual(chosen('base', 3), ['→1'])
    assert.deepEqual(chosen('base', 1), ['→0', '→1'])
    assert.deepEqual(chosen('base', 4), ['→0', '→1'], 'no engine of the model has it')
  })

  test('that the engine with the API of the request does not have is left to that engine', () => {
    const { selector } = setUp(engines)
    const choice = selector.choose(undefined, NONE, undefined, { serves: unlessSlot2, pins: { decode: 3 } })
    assert.match(summaryOf(choice), /→3$/)
  })

  test('that no engine has leaves all of them, which refuse it', () => {
    const { selector } = setUp(engines)
    assert.equal(selector.servedBy({ model: undefined }, { decode: 4 }), '')
    assert.match(summaryOf(selector.choose(undefined, NONE, undefined, { pins: { decode: 4 } })), /→[23]$/)
  })

  test('leads to engines that accept ranks in a pair, as long as there are any', () => {
    const { selector } = setUp([...engines, oldEngine(4, 'prefill'), oldEngine(5, 'decode')], {
      engines: { mode: 'pd', pairVersions: 'any' },
      policy: { main: 'round_robin' },
    })
    for (let turn = 0; turn < 12; turn++)
      assert.match(
        summaryOf(selector.choose(undefined, NONE, undefined, { pins: { decode: 1 } })),
        /^[01]→[23]$/,
      )
  })

  test('is not given up because its engine is full, or was avoided', () => {
    const { selector } = setUp(engines)
    const choose = (avoided: ReadonlySet<number>, hasRoom?: (engine: Engine) => boolean): string =>
      summaryOf(selector.choose(undefined, avoided, hasRoom, { pins: { decode: 3 } }))
    assert.equal(choose(NONE, unlessSlot2), 'full')
    assert.match(choose(new Set([2])), /→2$/)
  })
})

suite('the reason of a choice', () => {
  test('is that of the policy of each role', () => {
    const setup = setUp(PAIRS, { policy: { prefill: 'round_robin', decode: 'power_of_two' } })
    assert.deepEqual(reasonsOf(setup), ['turn', 'load'])
  })

  test('is that there was no other engine, and then again that of the policy', () => {
    const setup = setUp(PAIRS, { policy: { main: 'random' } })
    assert.deepEqual(reasonsOf(setup, unlessSlot2), ['random', 'only'])
    assert.deepEqual(reasonsOf(setup), ['random', 'random'])
  })

  test('is one for a mixed engine', () => {
    const mixed = [0, 1].map(slot => engineOf({ slot, role: 'mixed' }))
    const setup = setUp(mixed, { engines: { mode: 'mixed' } })
    assert.deepEqual(reasonsOf(setup), [undefined, 'load'])
  })
})

suite('PairSelector with engines that cannot all work together', () => {
  test('pairs only those that can', () => {
    const engines = [
      engineWith(0, 'prefill', 16),
      engineWith(1, 'prefill', 64),
      engineWith(2, 'decode', 64),
      engineWith(3, 'decode', 16),
    ]
    const all = new Set(choices(setUp(engines, { policy: { main: 'round_robin' } })))
    assert.deepEqual([...all].toSorted(), ['0→3', '1→2'])
  })

  test('names a compatible engine as missing if no two can be a pair, and does not try', () => {
    const setup = setUp([engineWith(0, 'prefill', 16), engineWith(1, 'decode', 64)])
    assert.deepEqual(new Set(choices(setup)), new Set(['no compatible decode']))
  })

  test('prefers an avoided pair to one that cannot work together', () => {
    const setup = setUp([
      engineWith(0, 'prefill', 16),
      engineWith(1, 'decode', 16),
      engineWith(2, 'decode', 64),
    ])
    losePair(setup, 0, 1)
    assert.deepEqual(new Set(choices(setup)), new Set(['0→1']))
  })

  test('chooses a prefill engine whose partner has room', () => {
    const { selector } = setUp([
      engineWith(0, 'prefill', 16),
      engineWith(1, 'prefill', 64),
      engineWith(2, 'decode', 16),
      engineWith(3, 'decode', 64),
    ])
    for (let count = 0; count < 4; count++)
      assert.equal(summaryOf(selector.choose(undefined, new Set(), ({ slot }) => slot !== 2)), '1→3')
  })
})

suite('PairSelector with prefill and decode engines', () => {
  test('chooses one engine of each role', () => {
    assert.match(summaryOf(setUp(PAIRS).selector.choose(undefined, NONE)), /^[01]→[23]$/)
  })

  test('alternates both roles by round robin', () => {
    const { selector } = setUp(PAIRS, { policy: { main: 'round_robin' } })
    const pairs = Array.from({ length: 4 }, () => summaryOf(selector.choose(undefined, NONE)))
    assert.deepEqual(pairs, ['0→2', '1→3', '0→2', '1→3'])
  })

  test('applies to each role the policy configured for it', () => {
    const { selector, slots } = setUp(PAIRS, { policy: { main: 'round_robin', decode: 'least_load' } })
    heldLease(slots, 0, engineOf({ slot: 2 }))
    const pairs = Array.from({ length: 2 }, () => summaryOf(selector.choose(undefined, NONE)))
    assert.deepEqual(pairs, ['0→3', '1→3'])
  })

  test('counts the load of a lease at once', () => {
    const { selector, slots } = setUp(PAIRS, { policy: { main: 'least_load' } })
    const first = selector.choose(undefined, NONE)
    assert.equal(first.kind, 'pair')
    if (first.kind !== 'pair' || first.pair.prefill === undefined) return
    const { prefill, decode } = first.pair
    heldLease(slots, 0, prefill)
    heldLease(slots, 0, decode)
    assert.equal(summaryOf(selector.choose(undefined, NONE)), `${1 - prefill.slot}→${5 - decode.slot}`)
  })

  for (const health of ['unhealthy', 'draining', 'unknown'] as const)
    test(`does not choose an engine that is ${health}`, () => {
      const { selector, slots } = setUp(PAIRS)
      if (health === 'unknown') slots.assign(0, 2)
      else slots.setHealth(0, health)
      for (let choice = 0; choice < 20; choice++)
        assert.match(summaryOf(selector.choose(undefined, NONE)), /^1→/)
    })

  test('avoids engines that failures were charged to while there are others', () => {
    const { selector } = setUp(PAIRS)
    for (let choice = 0; choice < 20; choice++)
      assert.equal(summaryOf(selector.choose(undefined, new Set([0, 3]))), '1→2')
    assert.match(summaryOf(selector.choose(undefined, new Set([0, 1, 2, 3]))), /^[01]→[23]$/)
  })

  test('names the role that is missing', () => {
    const { selector, slots } = setUp(PAIRS)
    slots.setHealth(2, 'unhealthy')
    slots.setHealth(3, 'unhealthy')
    assert.equal(summaryOf(selector.choose(undefined, NONE)), 'no decode')
    slots.setHealth(0, 'unhealthy')
    slots.setHealth(1, 'unhealthy')
    assert.equal(summaryOf(selector.choose(undefined, NONE)), 'no prefill')
    assert.equal(summaryOf(setUp([]).selector.choose('any', NONE)), 'no prefill')
  })

  test('pairs only engines that serve the requested model', () => {
    const mixed = PAIRS.map(engine => engineOf({ ...engine, models: engine.slot % 2 === 0 ? ['a'] : ['b'] }))
    const { selector } = setUp(mixed)
    for (let choice = 0; choice < 10; choice++) {
      assert.equal(summaryOf(selector.choose('a', NONE)), '0→2')
      assert.equal(summaryOf(selector.choose('b', NONE)), '1→3')
      assert.equal(summaryOf(selector.choose(undefined, NONE)), 'one of a,b')
    }
    assert.equal(summaryOf(selector.choose('c', NONE)), 'unknown-model')
  })
})

test('PairSelector gives a request without a model the default one, and no engine of an unknown model', () => {
  const models = [['a'], ['b'], ['a'], ['b']]
  const fleet = [
    ...PAIRS.map(engine => engineOf({ ...engine, models: models[engine.slot] ?? [] })),
    engineOf({ slot: 4, role: 'prefill' }),
    engineOf({ slot: 5, role: 'decode' }),
  ]
  const { selector } = setUp(fleet, { policy: { main: 'random', defaultModel: 'b' } })
  for (let choice = 0; choice < 20; choice++) {
    assert.equal(summaryOf(selector.choose(undefined, NONE)), '1→3')
    assert.equal(summaryOf(selector.choose('a', NONE)), '0→2')
  }
})

suite('PairSelector with circuit breakers', () => {
  test('does not choose an engine whose breaker is open', () => {
    const setup = setUp(PAIRS)
    fail(setup, 0)
    for (let choice = 0; choice < 20; choice++)
      assert.match(summaryOf(setup.selector.choose(undefined, NONE)), /^1→/)
  })

  test('prefers an avoided engine to one whose breaker is open', () => {
    const setup = setUp(PAIRS)
    fail(setup, 0)
    assert.match(summaryOf(setup.selector.choose(undefined, new Set([1]))), /^1→/)
  })

  test('ignores the breakers of a role when they exclude all of its engines', () => {
    const setup = setUp(PAIRS)
    fail(setup, 0)
    fail(setup, 1)
    const pairs = new Set(
      Array.from({ length: 20 }, () => summaryOf(setup.selector.choose(undefined, NONE))[0]),
    )
    assert.deepEqual([pairs.has('0'), pairs.has('1')], [true, true])
  })

  test('leaves out every broken engine while one is sound, on retries too', () => {
    const decodes = [2, 3, 4, 5].map(slot => engineOf({ slot, role: 'decode' }))
    const setup = setUp([engineOf({ slot: 0, role: 'prefill' }), ...decodes])
    for (const slot of [2, 3, 4]) fail(setup, slot)
    for (const avoided of [NONE, new Set([2]), new Set([5])])
      for (let choice = 0; choice < 20; choice++)
        assert.equal(summaryOf(setup.selector.choose(undefined, avoided)), '0→5')
  })

  test('probes a broken engine early, one request at a time, while the sound one is full', () => {
    const setup = setUp(PAIRS, { breaker: { openSecs: 60 } })
    fail(setup, 3)
    const choicesOf = (avoided: ReadonlySet<number>): string[] =>
      Array.from({ length: 3 }, () =>
        summaryOf(setup.selector.choose(undefined, avoided, unlessSlot2)).slice(-4),
      )
    assert.deepEqual(choicesOf(NONE), ['full', 'full', 'full'])
    setup.clock.nowMs += 1000
    // A retry waits for the sound engine.
    assert.deepEqual(choicesOf(new Set([3])), ['full', 'full', 'full'])
    const first = setup.selector.choose(undefined, NONE, unlessSlot2)
    assert.ok(first.kind === 'pair' && first.pair.decode.slot === 3 && first.probes.length === 1)
    assert.deepEqual(choicesOf(NONE), ['full', 'full', 'full'])
    for (const probe of first.probes) setup.breakers.settle(probe, 'good')
    assert.match(summaryOf(setup.selector.choose(undefined, NONE, unlessSlot2)), /→3$/)
  })

  test('uses only the engine that works when all are excluded', () => {
    const setup = setUp(PAIRS)
    fail(setup, 2)
    fail(setup, 3)
    setup.breakers.record(engineOf({ slot: 3 }), 'good')
    for (let choice = 0; choice < 20; choice++)
      assert.match(summaryOf(setup.selector.choose(undefined, NONE)), /→3$/)
  })

  test('retries on an engine whose last request went well while no breaker is open', () => {
    const setup = setUp([0, 2, 3, 4].map(slot => engineOf({ slot, role: slot === 0 ? 'prefill' : 'decode' })))
    fail(setup, 2, 1)
    fail(setup, 3, 1)
    for (let choice = 0; choice < 20; choice++)
      assert.equal(summaryOf(setup.selector.choose(undefined, new Set([2]))), '0→4')
  })

  test('calls a pair sound while both breakers are closed and its transfers work', () => {
    const setup = setUp(PAIRS)
    assert.ok(setup.selector.isSound(pairOf(0, 2)))
    fail(setup, 0)
    losePair(setup, 1, 2)
    assert.deepEqual(
      [pairOf(0, 3), pairOf(1, 2), pairOf(1, 3)].map(pair => setup.selector.isSound(pair)),
      [false, false, true],
    )
    const disabled = setUp(PAIRS, { breaker: { enabled: false } })
    assert.ok(!disabled.selector.isSound(pairOf(0, 2)))
  })

  test('lets one request at a time probe, and the next one when its outcome was neutral', () => {
    const setup = setUp(PAIRS, { policy: { main: 'round_robin' } })
    fail(setup, 0)
    setup.clock.nowMs += 1000
    const chosen = Array.from({ length: 10 }, () => setup.selector.choose(undefined, NONE))
    const probing = chosen.filter(choice => summaryOf(choice).startsWith('0'))
    assert.equal(probing.length, 1)
    const [choice] = probing
    assert.ok(choice?.kind === 'pair' && choice.probes.length === 1)
    for (const probe of choice.probes) setup.breakers.settle(probe, 'neutral')
    const again = Array.from({ length: 10 }, () => summaryOf(setup.selector.choose(undefined, NONE)))
    assert.equal(again.filter(pair => pair.startsWith('0')).length, 1)
  })

  test('gives one probe back when another request holds the probe of the other engine', () => {
    const setup = setUp([engineOf({ slot: 0, role: 'prefill' }), engineOf({ slot: 2 })], {
      breaker: { maxEjectedShare: 1 },
    })
    fail(setup, 0)
    fail(setup, 2)
    setup.clock.nowMs += 1000
    const first = setup.selector.choose(undefined, NONE)
    assert.ok(first.kind === 'pair' && first.probes.length === 2)
    // Breakers exclude all engines now, so panic chooses them anyway, without a probe.
    const second = setup.selector.choose(undefined, NONE)
    assert.ok(second.kind === 'pair' && second.probes.length === 0)
  })
})

suite('PairSelector with avoided pairs', () => {
  test('does not choose an avoided pair, but both of its engines with others', () => {
    const setup = setUp(PAIRS, { policy: { main: 'random' } })
    losePair(setup, 0, 2)
    const pairs = new Set(Array.from({ length: 60 }, () => summaryOf(setup.selector.choose(undefined, NONE))))
    assert.deepEqual([...pairs].toSorted(), ['0→3', '1→2', '1→3'])
  })

  test('does not choose an engine all of whose pairs are avoided', () => {
    const setup = setUp(PAIRS, { policy: { main: 'random' } })
    losePair(setup, 0, 2)
    losePair(setup, 0, 3)
    for (let choice = 0; choice < 20; choice++)
      assert.match(summaryOf(setup.selector.choose(undefined, NONE)), /^1→/)
  })

  test('chooses a pair even when all pairs are avoided', () => {
    const setup = setUp(PAIRS)
    for (const prefill of [0, 1]) for (const decode of [2, 3]) losePair(setup, prefill, decode)
    assert.match(summaryOf(setup.selector.choose(undefined, NONE)), /^[01]→[23]$/)
  })
})

suite('PairSelector with mixed engines', () => {
  test('chooses one engine and no prefill engine', () => {
    const { selector } = setUp([engineOf({ slot: 4, role: 'mixed' })], { engines: { mode: 'mixed' } })
    assert.equal(summaryOf(selector.choose(undefined, NONE)), '→4')
  })

  test('names the role when there is none', () => {
    const { selector } = setUp(PAIRS, { engines: { mode: 'mixed' } })
    assert.equal(summaryOf(selector.choose(undefined, NONE)), 'no mixed')
  })
})

function serves({ frontend }: Engine): boolean {
  return frontend !== 'rust'
}

function servingAmong(engines: readonly Engine[]): string {
  return summaryOf(setUp(engines).selector.choose(undefined, NONE, undefined, { serves }))
}

suite('PairSelector with engines that have not all the same API', () => {
  test('chooses only those that have it', () => {
    const engines = PAIRS.map(engine =>
      engine.slot % 2 === 0 ? { ...engine, frontend: 'rust' as const } : engine,
    )
    for (let choice = 0; choice < 10; choice++) assert.equal(servingAmong(engines), '1→3')
  })

  for (const role of ['prefill', 'decode'] as const)
    test(`says so if no ${role} engine has it`, () => {
      const engines = PAIRS.map(engine =>
        engine.role === role ? { ...engine, frontend: 'rust' as const } : engine,
      )
      assert.equal(servingAmong(engines), 'unserved')
    })

  test('waits for those that have it while they are unhealthy', () => {
    const rust = engineOf({ slot: 4, role: 'decode', frontend: 'rust' })
    const setup = setUp([...PAIRS, rust])
    for (const slot of [2, 3]) setup.slots.setHealth(slot, 'unhealthy')
    assert.equal(summaryOf(setup.selector.choose(undefined, NONE, undefined, { serves })), 'no decode')
  })

  test('names them for the queue only if not all have it', () => {
    const rust = engineOf({ slot: 4, role: 'decode', frontend: 'rust' })
    const { selector } = setUp([...PAIRS, rust])
    assert.equal(selector.servedBy({ model: undefined }), '')
    assert.equal(selector.servedBy({ model: undefined, serves }), PAIRS.map(({ slot }) => slot).join())
    assert.equal(setUp(PAIRS).selector.servedBy({ model: undefined, serves }), '')
  })

  test('waits for engines if there are none at all', () => {
    assert.equal(servingAmong(PAIRS.filter(({ role }) => role === 'prefill')), 'no decode')
  })
})

suite('PairSelector with policies that go by the request', () => {
  const fleet = [0, 1, 2, 3, 4, 5].map(slot => engineOf({ slot, role: slot < 3 ? 'prefill' : 'decode' }))
  const pairsOf = (policy: ConfigInput['policy'], requests: readonly RequestView[], times = 4): string[] => {
    const { selector } = setUp(fleet, { policy })
    return requests.flatMap(request => {
      const pairs = Array.from({ length: times }, () =>
        summaryOf(selector.choose(undefined, NONE, undefined, { request })),
      )
      return [...new Set(pairs)]
    })
  }
  const keys = Array.from({ length: 24 }, (_, index) => ({ key: index * 7919, prefixKey: index * 104_729 }))

  test('sends equal keys to one pair, and different ones to all engines', () => {
    for (const main of ['consistent_hashing', 'manual'] as const) {
      const pairs = pairsOf({ main }, keys)
      assert.equal(pairs.length, keys.length)
      for (const { slot } of fleet)
        assert.ok(pairs.join().includes(String(slot)), `${slot} of ${pairs.join()}`)
    }
  })

  test('sends prompts that begin alike to one prefill engine, and decode goes by load', () => {
    const pairs = pairsOf({ main: 'prefix_hash' }, keys.slice(0, 1), 6)
    assert.equal(new Set(pairs.map(pair => pair[0])).size, 1)
    assert.equal(new Set(pairs.map(pair => pair.at(-1))).size, 3)
  })

  test('lets decode keep the conversation while prefill goes by load', () => {
    const pairs = pairsOf({ main: 'least_load', decode: 'consistent_hashing' }, keys.slice(0, 1), 6)
    assert.equal(new Set(pairs.map(pair => pair[0])).size, 3)
    assert.equal(new Set(pairs.map(pair => pair.at(-1))).size, 1)
  })

  test('sends the retry of a request to another engine, and the next request with its key to the same as before', () => {
    for (const main of ['consistent_hashing', 'manual'] as const) {
      const { selector } = setUp(fleet, { policy: { main } })
      const request = { key: 42 }
      const choose = (avoided: ReadonlySet<number>): string =>
        summaryOf(selector.choose(undefined, avoided, undefined, { request }))
      const first = choose(NONE)
      const retried = choose(new Set([Number(first[0])]))
      assert.notEqual(retried[0], first[0])
      assert.equal(retried.at(-1), first.at(-1))
      assert.equal(choose(NONE), first)
    }
  })
})
