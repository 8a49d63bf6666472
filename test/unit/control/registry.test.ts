import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineSpec } from '../../../src/control/discovery/static.ts'
import { type KnownEngine, parseEngineInfo } from '../../../src/control/monitor/engine-info.ts'
import { Registry } from '../../../src/control/registry.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'

/** What is known of an engine with this `/server_info`. */
function infoOf(server: object): KnownEngine {
  return { ...parseEngineInfo({ ...server }, {}), addresses: [] }
}

const INFO = infoOf({})

function spec(url: string, changes: Partial<EngineSpec> = {}): EngineSpec {
  return { url, role: 'prefill', bootstrapPort: undefined, apiKey: undefined, ...changes }
}

function registryOf(maxEngines = 4) {
  const slots = new EngineSlots(createSharedMemory(maxEngines, 1))
  return { slots, registry: new Registry(slots, maxEngines) }
}

test('each change creates a snapshot of the next generation and leaves earlier snapshots unchanged', () => {
  const { registry } = registryOf()
  const empty = registry.snapshot()
  registry.put(spec('http://a:1'), INFO)
  assert.deepEqual(empty, { generation: 0, engines: [] })
  assert.deepEqual(
    registry.snapshot().engines.map(engine => engine.url),
    ['http://a:1'],
  )
  assert.equal(registry.snapshot().generation, 1)
})

test('the bootstrap port is the configured one, else the reported one, else 8998', () => {
  const { registry } = registryOf()
  const reported = infoOf({ disaggregation_bootstrap_port: 9001 })
  assert.equal(registry.put(spec('http://a:1', { bootstrapPort: 9000 }), reported).bootstrapPort, 9000)
  assert.equal(registry.put(spec('http://b:1'), reported).bootstrapPort, 9001)
  assert.equal(registry.put(spec('http://c:1'), INFO).bootstrapPort, 8998)
})

test('the bootstrap host is the host of the URL, an IPv6 address in its brackets', () => {
  const { registry } = registryOf()
  assert.equal(registry.put(spec('http://10.0.0.1:30000'), INFO).bootstrapHost, '10.0.0.1')
  assert.equal(registry.put(spec('http://[::1]:30000'), INFO).bootstrapHost, '[::1]')
})

test('an engine that is registered again keeps its slot and generation', () => {
  const { registry } = registryOf()
  const before = registry.put(spec('http://a:1'), INFO)
  const again = registry.put(spec('http://a:1'), infoOf({ max_running_requests: 2 }))
  assert.deepEqual([again.slot, again.generation, again.maxRunning], [before.slot, before.generation, 2])
})

test('an engine is current only with exactly the properties that it is registered with', () => {
  const { registry } = registryOf()
  assert.equal(registry.isCurrent(spec('http://a:1'), INFO), false)
  registry.put(spec('http://a:1'), infoOf({ served_model_name: 'm', dp_size: 2 }))
  const { generation } = registry.snapshot()
  assert.ok(registry.isCurrent(spec('http://a:1'), infoOf({ served_model_name: 'm', dp_size: 2 })))
  for (const changed of [
    { served_model_name: 'n', dp_size: 2 },
    { served_model_name: 'm', dp_size: 4 },
  ])
    assert.equal(registry.isCurrent(spec('http://a:1'), infoOf(changed)), false)
  assert.equal(registry.snapshot().generation, generation)
})

test('where an engine publishes KV events stays with it, if that was said when it was added', () => {
  const { registry } = registryOf()
  const kvEvents = 'tcp://10.0.0.1:5557'
  const engine = registry.put(spec('http://a:1', { kvEvents }), INFO)
  assert.equal(engine.kvEvents, kvEvents)
  assert.ok(registry.isCurrent(spec('http://a:1', { kvEvents }), INFO))
  assert.ok(!('kvEvents' in registry.put(spec('http://b:1'), INFO)))
})

test('one URL may have both roles', () => {
  const { registry } = registryOf()
  const prefill = registry.put(spec('http://a:1'), INFO)
  assert.notEqual(registry.put(spec('http://a:1', { role: 'decode' }), INFO).slot, prefill.slot)
})

test('a slot is reused only when nothing is in flight on it, and with the next generation', () => {
  const { registry, slots } = registryOf(1)
  const first = registry.put(spec('http://a:1'), INFO)
  slots.addInFlight(0, first.slot, 1)
  assert.ok(registry.remove(first))
  assert.throws(() => registry.put(spec('http://b:1'), INFO), /Cannot register another engine/)
  slots.addInFlight(0, first.slot, -1)
  const second = registry.put(spec('http://b:1'), INFO)
  assert.deepEqual([second.slot, second.generation], [first.slot, first.generation + 1])
})

test('an unknown engine cannot be removed', () => {
  assert.equal(registryOf().registry.remove(spec('http://a:1')), false)
})

test('engines of the previous snapshot keep their slots, and new engines get other slots', () => {
  const { registry, slots } = registryOf()
  const [a, b] = [registry.put(spec('http://a:1'), INFO), registry.put(spec('http://b:1'), INFO)]
  const next = new Registry(slots, 4, registry.snapshot())
  assert.deepEqual(next.snapshot(), registry.snapshot())
  assert.deepEqual(next.find(spec('http://b:1')), b)
  assert.equal(next.put(spec('http://c:1'), INFO).slot, 2)
  assert.deepEqual(next.put(spec('http://b:1'), INFO), b)
  assert.deepEqual(next.put(spec('http://a:1'), INFO), a)
  assert.equal(next.snapshot().generation, 5)
})
