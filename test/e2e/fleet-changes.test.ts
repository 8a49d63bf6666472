/** A fleet whose engines are slow, end, or become others at the same address while a gateway runs. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import type { SimEngine } from '../../src/simulator/engine.ts'
import { openFleet, openGateway, type TestGateway } from '../support/gateway.ts'
import { openLog } from '../support/log-file.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

function unpairedLine(url: string, value: number): string {
  return `pdgw_engine_unpaired{engine="${url}",role="prefill"} ${value}`
}

interface Answer {
  readonly status: number
  readonly body: string
}

async function ask({ origin }: TestGateway, fields: object = {}): Promise<Answer> {
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'hello', sampling_params: { max_new_tokens: 2 }, ...fields }),
  })
  return { status: response.status, body: await response.text() }
}

async function enginesOf({ adminOrigin }: TestGateway): Promise<readonly unknown[]> {
  const engines = at(await (await fetch(`${adminOrigin}/admin/engines`)).json(), 'engines')
  return Array.isArray(engines) ? engines : []
}

function engineAt(engines: readonly SimEngine[], index: number): SimEngine {
  const engine = engines[index]
  assert.ok(engine !== undefined)
  return engine
}

/** Changes are not accepted from a web page, which can send plain text. */
const JSON_TYPE = { 'content-type': 'application/json' }

// These tests mostly wait for probes.
suite('A fleet that changes', { concurrency: 3 }, () => {
  test('engines that are too slow to answer probes are used as long as no better one is left', async t => {
    const log = openLog(t)
    const gateway = await openGateway(t, {
      fleet: { prefill: 2, decode: 2 },
      config: {
        health: { intervalSecs: 0.02, timeoutSecs: 0.3, failureThreshold: 2 },
        log: log.config,
      },
    })
    for (const { knobs } of gateway.fleet.prefill) knobs.healthMinMs = 60_000
    await until(
      () => log.lines('probes of the engine are slow').length === 2,
      'the probes of both have failed',
    )
    for (let count = 0; count < 10; count++) assert.equal((await ask(gateway)).status, 200)
    // While a request that succeeded counts as health, its engine is the better one; afterwards they are equals again.
    await until(async () => {
      const healthy = (await enginesOf(gateway)).filter(engine => at(engine, 'health') === 'healthy')
      return healthy.length === 4
    }, 'all engines are in use')
  })

  test('the model of engines that have become others at the same address is known within seconds', async t => {
    const gateway = await openGateway(t, {
      fleet: {
        prefill: 2,
        decode: 2,
        knobsFor: (_, index) => ({ modelId: index === 0 ? 'llama' : 'qwen' }),
      },
      config: { health: { intervalSecs: 600 }, retry: { maxRetries: 0 } },
    })
    assert.equal((await ask(gateway, { model: 'llama' })).status, 200)
    const replaced = [engineAt(gateway.fleet.prefill, 0), engineAt(gateway.fleet.decode, 0)]
    await Promise.all(replaced.map(engine => engine.setHealth('dead')))
    assert.notEqual((await ask(gateway, { model: 'llama' })).status, 200)
    for (const { knobs } of replaced) knobs.modelId = 'mistral'
    await Promise.all(replaced.map(engine => engine.setHealth('up')))
    await until(async () => (await ask(gateway, { model: 'mistral' })).status === 200, 'mistral is served')
    assert.equal((await ask(gateway, { model: 'llama' })).status, 404)
    assert.equal((await ask(gateway, { model: 'qwen' })).status, 200)
  })

  test('engines that cannot work together are never a pair, and are reported', async t => {
    const log = openLog(t)
    const gateway = await openGateway(t, {
      fleet: {
        prefill: 2,
        decode: 2,
        knobsFor: (role, index) => ({ pageSize: role === 'prefill' && index === 1 ? 16 : 64 }),
      },
      config: { policy: { main: 'round_robin' }, log: log.config },
    })
    const [sound, other] = [engineAt(gateway.fleet.prefill, 0), engineAt(gateway.fleet.prefill, 1)]
    for (let count = 0; count < 8; count++) assert.equal((await ask(gateway)).status, 200)
    assert.deepEqual([sound.counters.received, other.counters.received], [8, 0])
    await until(() => log.lines('no decode engine can work with it').length === 1, 'it is reported')
    const [line] = log.lines('no decode engine can work with it')
    assert.ok(line?.includes(other.url))
    assert.match(line ?? '', /no decode engine can work with it \(different page sizes: 16 and 64\)/)
    const shown = (await enginesOf(gateway)).find(engine => at(engine, 'url') === other.url)
    assert.match(JSON.stringify(shown), /"conflict":"different page sizes: 16 and 64"/)
  })

  for (const [versions, served] of [
    ['same', '8 and 0'],
    ['any', '4 and 4'],
  ] as const)
    test(`during a rolling update prefill engines of both versions get ${served} requests with pairVersions ${versions}`, async t => {
      const log = openLog(t)
      const gateway = await openGateway(t, {
        fleet: {
          prefill: 2,
          decode: 1,
          knobsFor: (role, index) => ({ version: role === 'prefill' && index === 1 ? '0.5.24' : '0.5.23' }),
        },
        config: { policy: { main: 'round_robin' }, log: log.config, timeouts: { engineWaitMs: 100 } },
        engines: { pairVersions: versions },
      })
      const [old, updated] = [engineAt(gateway.fleet.prefill, 0), engineAt(gateway.fleet.prefill, 1)]
      for (let count = 0; count < 8; count++) assert.equal((await ask(gateway)).status, 200)
      const isSplit = versions === 'any'
      assert.equal(updated.counters.received, isSplit ? 4 : 0)
      const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text()
      assert.ok(metrics.includes(unpairedLine(old.url, 0)))
      assert.ok(metrics.includes(unpairedLine(updated.url, isSplit ? 0 : 1)))
      if (isSplit) return
      await until(() => log.lines('different versions: 0.5.24 and 0.5.23').length === 1, 'it is reported')
      await old.setHealth('dead')
      await until(async () => {
        const { status, body } = await ask(gateway)
        return status === 503 && body.includes('No compatible decode engine is available')
      })
      const readiness = async (): Promise<string> => (await fetch(`${gateway.origin}/readiness`)).text()
      await until(async () => (await readiness()).includes('different versions: 0.5.24 and 0.5.23'))
    })

  test('a fleet in which no two engines can work together is not ready', async t => {
    const fleet = await openFleet(t, {
      prefill: 1,
      decode: 1,
      knobsFor: role => ({ backend: role === 'prefill' ? 'nixl' : 'mooncake' }),
    })
    const gateway = await startGateway(
      configSchema.parse({
        server: { host: '127.0.0.1', port: 0, workers: 1 },
        admin: { host: '127.0.0.1', port: 0 },
        engines: {
          prefill: fleet.prefill.map(({ url }) => ({ url })),
          decode: fleet.decode.map(({ url }) => ({ url })),
        },
        log: { level: 'error' },
      }),
    )
    t.after(() => gateway.close())
    const readiness = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${gateway.port}/readiness`)).text()
    await until(async () => (await readiness()).includes('"healthy_workers":2'), 'both are healthy')
    assert.match(
      await readiness(),
      /no prefill engine can work with a decode engine: different transfer backends/,
    )
  })

  test('the gateway is not its own engine', async t => {
    const log = openLog(t)
    const { origin, adminOrigin } = await openGateway(t, {
      fleet: { prefill: 1, decode: 1 },
      config: { log: log.config },
    })
    for (const url of [origin, adminOrigin]) {
      const body = JSON.stringify({ url, role: 'decode' })
      await fetch(`${adminOrigin}/admin/engines`, { method: 'POST', headers: JSON_TYPE, body })
    }
    await until(() => log.lines('is that of this gateway').length === 2, 'both are reported')
    const engines = await (await fetch(`${adminOrigin}/admin/engines`)).text()
    assert.equal(engines.split('"health":"joining","error":"the address is that of this gateway').length, 3)
    assert.match(await (await fetch(`${origin}/readiness`)).text(), /"healthy_workers":2,"total_workers":4/)
  })

  test('an engine that runs in another mode than its role gets no requests, and is reported', async t => {
    const log = openLog(t)
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 1 },
      config: { log: log.config },
    })
    const { decode } = gateway.fleet
    const body = JSON.stringify({ url: engineAt(decode, 0).url, role: 'prefill' })
    await fetch(`${gateway.adminOrigin}/admin/engines`, { method: 'POST', headers: JSON_TYPE, body })
    await until(() => log.lines('cannot serve its role').length === 1, 'it is reported')
    assert.match(
      log.lines('cannot serve its role')[0] ?? '',
      /disaggregation mode decode, but its role is prefill/,
    )
    for (let count = 0; count < 4; count++) assert.equal((await ask(gateway)).status, 200)
  })

  test('a model that /v1/models lists can be asked for at once', async t => {
    const gateway = await openGateway(t, {
      fleet: {
        prefill: 2,
        decode: 2,
        knobsFor: (_, index) => ({ modelId: index === 0 ? 'llama' : 'qwen' }),
      },
    })
    const engines = [...gateway.fleet.prefill, ...gateway.fleet.decode].filter(
      ({ knobs }) => knobs.modelId === 'llama',
    )
    for (const name of ['first', 'second', 'third']) {
      for (const { knobs } of engines) knobs.modelId = name
      // A question is asked at most once a second.
      await until(async () => {
        assert.match(await (await fetch(`${gateway.origin}/v1/models`)).text(), new RegExp(name))
        return (await ask(gateway, { model: name })).status === 200
      })
    }
  })

  test('a stream that has begun goes on although its engine is given up', async t => {
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobs: { itlBaseMs: 40 } },
      config: { health: { intervalSecs: 0.05, failureThreshold: 1, giveUpSecs: 0.05 } },
    })
    const streaming = await fetch(`${gateway.origin}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'hello', stream: true, sampling_params: { max_new_tokens: 40 } }),
    })
    await engineAt(gateway.fleet.decode, 0).setHealth('draining')
    const text = await streaming.text()
    assert.match(text, /"completion_tokens":40.*\n\ndata: \[DONE\]/)
    assert.doesNotMatch(text, /"error"/)
    const health = async (): Promise<unknown> => at((await enginesOf(gateway)).at(-1), 'health')
    await until(async () => (await health()) === 'unhealthy', 'the engine is unhealthy')
  })
})
