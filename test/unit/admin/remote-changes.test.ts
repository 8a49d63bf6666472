/** Which clients may make changes through the admin listener, which has no authentication. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AdminRoutes } from '../../../src/admin/admin-routes.ts'
import { type AdminRequest, isLoopback } from '../../../src/admin/admin-server.ts'
import { configSchema } from '../../../src/config/config.ts'
import { EngineSupervisor } from '../../../src/control/engine-supervisor.ts'
import { BreakerCells } from '../../../src/shared/breaker-cells.ts'
import { EngineCaches } from '../../../src/shared/engine-caches.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { Heartbeats } from '../../../src/shared/heartbeats.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { PairHealth } from '../../../src/shared/pair-health.ts'
import { PrefixIndex } from '../../../src/shared/prefix-index.ts'
import { MetricReader } from '../../../src/telemetry/metric-reader.ts'
import { SILENT } from '../../support/frontend.ts'

const CHANGES = [
  ['POST', '/admin/engines', 'invalid-json'],
  ['DELETE', '/admin/engines/http%3A%2F%2F127.0.0.1%3A1', 'engine-not-found'],
  ['POST', '/admin/engines/http%3A%2F%2F127.0.0.1%3A1/reset-breaker', 'engine-not-found'],
  ['POST', '/admin/engines/http://127.0.0.1:1/reset-breaker/', 'engine-not-found'],
  ['POST', '/admin/threads/9/restart', 'invalid-request'],
] as const

const noop = (): void => undefined

function routesOf(allowRemoteChanges: boolean): AdminRoutes {
  const config = configSchema.parse({ admin: { allowRemoteChanges } })
  const shared = createSharedMemory(2, 1)
  const state = {
    slots: new EngineSlots(shared),
    breakers: new BreakerCells(shared),
    pairHealth: new PairHealth(shared, config.pairs),
  }
  const caches = new EngineCaches(shared)
  const supervisor = new EngineSupervisor({
    ...state,
    config,
    maxEngines: 2,
    known: { generation: 0, engines: [] },
    removed: [],
    log: SILENT,
    onSnapshot: noop,
    onRemoved: noop,
    onSlotTaken: noop,
    onBack: noop,
    onLost: noop,
    onJoining: noop,
    ownListeners: () => [],
  })
  return new AdminRoutes({
    config,
    supervisor,
    state: { ...state, caches },
    caching: { shared, caches, index: new PrefixIndex(shared) },
    metrics: new MetricReader(shared),
    heartbeats: new Heartbeats(shared),
    routerThreads: 1,
    isDraining: () => false,
    restartThread: noop,
  })
}

function header(name: string): string | undefined {
  return name === 'host' ? '10.0.0.1:29000' : undefined
}

function ask(method: string, path: string, isLocal: boolean): AdminRequest {
  return { method, path, header, body: '', isLocal }
}

suite('A change requested from another machine', () => {
  for (const [method, path, otherwise] of CHANGES) {
    test(`${method} ${path} is forbidden, unless the configuration allows it`, () => {
      const isForbidden = { code: 'forbidden', status: 403 }
      assert.throws(() => routesOf(false).handle(ask(method, path, false)), isForbidden)
      assert.throws(() => routesOf(false).handle(ask(method, path, true)), { code: otherwise })
      assert.throws(() => routesOf(true).handle(ask(method, path, false)), { code: otherwise })
    })
  }

  test('does not restrict reads', () => {
    for (const path of ['/health', '/metrics', '/admin/engines', '/admin/threads'])
      assert.equal(routesOf(false).handle(ask('GET', path, false)).status, 200)
  })
})

suite('isLoopback', () => {
  for (const [address, isLocal] of [
    ['127.0.0.1', true],
    ['127.8.9.10', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['::ffff:10.127.0.1', false],
    ['fe80::1', false],
    ['', false],
  ] as const)
    test(`is ${isLocal} for "${address}"`, () => assert.equal(isLoopback(address), isLocal))
})
