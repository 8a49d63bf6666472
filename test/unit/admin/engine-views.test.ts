import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineGauges } from '../../../src/admin/engine-views.ts'
import { configSchema } from '../../../src/config/config.ts'
import { processNowMs } from '../../../src/core/clock.ts'
import { BreakerCells } from '../../../src/shared/breaker-cells.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { PairHealth } from '../../../src/shared/pair-health.ts'
import { engineOf } from '../../support/engines.ts'

const ENGINES = [
  engineOf({ slot: 0, role: 'prefill' }),
  engineOf({ slot: 1, role: 'decode' }),
  engineOf({ slot: 2, role: 'decode' }),
]

test('pdgw_router_pairs_avoided counts the pairs that are avoided, not those that are used or merely failed', () => {
  const { pairs } = configSchema.parse({ pairs: { failureThreshold: 2 } })
  const shared = createSharedMemory(4, 1)
  const pairHealth = new PairHealth(shared, pairs)
  const state = { slots: new EngineSlots(shared), breakers: new BreakerCells(shared), pairHealth }
  const avoided = (): unknown =>
    engineGauges(ENGINES, state, [])
      .find(({ name }) => name === 'pdgw_router_pairs_avoided')
      ?.read()
  const fail = (decode: number): void => pairHealth.failed(0, decode, processNowMs(), false)

  assert.deepEqual(avoided(), [{ labels: {}, value: 0 }])
  fail(1)
  fail(2)
  assert.deepEqual(avoided(), [{ labels: {}, value: 0 }])
  fail(1)
  assert.deepEqual(avoided(), [{ labels: {}, value: 1 }])
  fail(2)
  assert.deepEqual(avoided(), [{ labels: {}, value: 2 }])
  pairHealth.succeeded(0, 1)
  assert.deepEqual(avoided(), [{ labels: {}, value: 1 }])
})

test('an engine that has not responded yet has a health series like all others, with the state joining', () => {
  const { pairs } = configSchema.parse({})
  const shared = createSharedMemory(4, 1)
  const slots = new EngineSlots(shared)
  const state = { slots, breakers: new BreakerCells(shared), pairHealth: new PairHealth(shared, pairs) }
  const joining = [{ url: 'http://10.0.0.9:30000', role: 'decode' as const }]
  slots.setHealth(0, 'healthy')
  const samples = engineGauges(ENGINES.slice(0, 1), state, joining)
    .find(({ name }) => name === 'pdgw_engine_health')
    ?.read()
  const series = samples?.map(({ labels, value }) => `${labels['role']} ${labels['state']} ${value}`)
  assert.deepEqual(series, [
    'prefill unknown 0',
    'prefill healthy 1',
    'prefill unhealthy 0',
    'prefill draining 0',
    'prefill joining 0',
    'decode unknown 0',
    'decode healthy 0',
    'decode unhealthy 0',
    'decode draining 0',
    'decode joining 1',
  ])
})
