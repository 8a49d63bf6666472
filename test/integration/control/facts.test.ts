/** What the control thread knows of engines, and how soon it notices that this has changed. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fakeEngine, openControl } from '../../support/control.ts'
import { openLog } from '../../support/log-file.ts'
import { until } from '../../support/until.ts'

/** Longer than any test. */
const NEVER_SECS = 600

// These tests mostly wait for the control thread.
suite('What is known of engines', { concurrency: 4 }, () => {
  for (const [what, info, reason] of [
    ['fails', 500, /\/server_info responded with 500/],
    ['does not respond', 0, /\/server_info has not responded for 3000 ms/],
  ] as const) {
    test(`an engine whose /server_info ${what} joins with what is known, is asked again, and is warned of`, async t => {
      const engine = await fakeEngine(t, info)
      engine.models = ['llama']
      const log = openLog(t)
      const { seen, slots } = await openControl(t, { decode: [{ url: engine.url }] }, {}, log.config)
      await until(() => slots.isHealthy(0), 'it is healthy')
      assert.deepEqual(seen.snapshot.engines[0]?.models, ['llama'])
      await until(() => log.lines('not everything is known of it').length === 1, 'it is warned of')
      assert.match(log.lines('not everything is known of it')[0] ?? '', reason)
      if (info === 0) return
      engine.info = { max_running_requests: 7 }
      await until(() => seen.snapshot.engines[0]?.maxRunning === 7, 'its limit is known')
    })
  }

  test('an engine that answers nothing but its probes joins', async t => {
    const engine = await fakeEngine(t, 500)
    const { seen, slots } = await openControl(t, { decode: [{ url: engine.url }] })
    engine.models = undefined
    await until(() => slots.isHealthy(0), 'it is healthy')
    assert.deepEqual(seen.snapshot.engines[0]?.models, [])
  })

  test('an engine that does not respond is warned of after seconds', async t => {
    const engine = await fakeEngine(t, {})
    await engine.stop()
    const log = openLog(t)
    await openControl(t, { decode: [{ url: engine.url }] }, {}, log.config)
    await until(() => log.lines('engine does not respond, still trying').length > 0, 'it is warned of')
    assert.match(log.lines('engine does not respond')[0] ?? '', /ECONNREFUSED/)
  })

  test('a key is sent to an engine that asks for one; without it the reason is in the log', async t => {
    const [keyed, other] = [await fakeEngine(t, { dp_size: 2 }), await fakeEngine(t, { dp_size: 2 })]
    for (const engine of [keyed, other]) {
      engine.models = ['llama']
      engine.key = 'secret'
    }
    const log = openLog(t)
    const decode = [{ url: keyed.url, apiKey: 'secret' }, { url: other.url }]
    const { seen, slots } = await openControl(t, { decode }, {}, log.config)
    await until(() => slots.isHealthy(0) && slots.isHealthy(1), 'both are healthy')
    const modelsOf = (url: string) => seen.snapshot.engines.find(engine => engine.url === url)?.models
    assert.deepEqual([modelsOf(keyed.url), modelsOf(other.url)], [['llama'], []])
    await until(() => log.lines('asks for a key').length === 1, 'the missing key is reported')
    assert.match(log.lines('asks for a key')[0] ?? '', new RegExp(`${other.url}.*engines\\.apiKey`))
  })

  test('an engine that was replaced between two probes is known by its next answer about models', async t => {
    const engine = await fakeEngine(t, { max_running_requests: 8, dp_size: 1 })
    engine.models = ['llama']
    const rare = { intervalSecs: NEVER_SECS }
    const engines = { decode: [{ url: engine.url }], refreshIntervalSecs: 0.05 }
    const { seen, slots } = await openControl(t, engines, rare)
    await until(() => slots.isHealthy(0), 'it is healthy')
    const { generation } = seen.snapshot
    Object.assign(engine, { models: ['mistral'], info: { max_running_requests: 16, dp_size: 2 } })
    const isKnown = (): boolean => seen.snapshot.engines[0]?.models[0] === 'mistral'
    await until(isKnown, 'its new model is known')
    await until(() => seen.snapshot.engines[0]?.maxRunning === 16, 'its new properties are known')
    const [known] = seen.snapshot.engines
    assert.deepEqual([known?.models, known?.dpSize], [['mistral'], 2])
    assert.ok(seen.snapshot.generation > generation)
  })

  test('an engine that was replaced between two probes by one with the same models is known by a later look', async t => {
    const engine = await fakeEngine(t, { disaggregation_mode: 'decode', max_running_requests: 8 })
    engine.models = ['llama']
    const engines = { decode: [{ url: engine.url }], refreshIntervalSecs: 0.05 }
    const { seen, slots } = await openControl(t, engines, { intervalSecs: NEVER_SECS })
    await until(() => slots.isHealthy(0), 'it is healthy')
    engine.info = { disaggregation_mode: 'decode', max_running_requests: 16 }
    await until(() => seen.snapshot.engines[0]?.maxRunning === 16, 'its new limit is known')
    engine.info = { disaggregation_mode: 'prefill', max_running_requests: 16 }
    await until(() => slots.health(0) === 'unhealthy', 'it gets no requests in its new role')
  })

  test('a failed request leads to a probe, and what is known is renewed', async t => {
    const engine = await fakeEngine(t, { max_running_requests: 8 })
    const engines = { decode: [{ url: engine.url }], refreshIntervalSecs: NEVER_SECS }
    const { seen, slots, breakers } = await openControl(t, engines, { intervalSecs: NEVER_SECS })
    await until(() => slots.isHealthy(0), 'it is healthy')
    engine.info = { max_running_requests: 16 }
    breakers.count(0, false, 1)
    await until(() => seen.snapshot.engines[0]?.maxRunning === 16, 'its new limit is known')
  })

  test('an engine that has become one of another role gets no requests until it is of its own again', async t => {
    const engine = await fakeEngine(t, { disaggregation_mode: 'decode' })
    const { slots, breakers } = await openControl(
      t,
      { decode: [{ url: engine.url }] },
      { failureThreshold: 1 },
    )
    await until(() => slots.isHealthy(0), 'it is healthy')
    engine.info = { disaggregation_mode: 'prefill' }
    breakers.count(0, false, 1)
    await until(() => slots.health(0) === 'unhealthy', 'it is unhealthy')
    engine.info = { disaggregation_mode: 'decode' }
    await until(() => slots.isHealthy(0), 'it is healthy again')
  })

  test('an engine whose probes are refused is lost at once, one that drains is not', async t => {
    const [gone, draining] = [await fakeEngine(t, {}), await fakeEngine(t, {})]
    const decode = [{ url: gone.url }, { url: draining.url }]
    const { seen, slots } = await openControl(t, { decode }, { failureThreshold: 2 })
    await until(() => slots.isHealthy(0) && slots.isHealthy(1), 'both are healthy')
    draining.health = 503
    await gone.stop()
    await until(() => seen.lost.length > 0 && !slots.isHealthy(0) && !slots.isHealthy(1), 'one is lost')
    const { received } = draining
    await until(() => draining.received > received + 3, 'the other one is probed several times')
    const slot = seen.snapshot.engines.find(({ url }) => url === gone.url)?.slot
    assert.ok(seen.lost.every(lost => lost.slot === slot))
    assert.match(seen.lost[0]?.reason ?? '', /ECONNREFUSED/)
  })

  test('an engine that shows no sign of life for giveUpSecs is lost', async t => {
    const engine = await fakeEngine(t, {})
    const health = { failureThreshold: 1, giveUpSecs: 0.2 }
    const { seen, slots } = await openControl(t, { decode: [{ url: engine.url }] }, health)
    await until(() => slots.isHealthy(0), 'it is healthy')
    engine.health = 503
    await until(() => seen.lost.length > 0, 'it is lost')
    assert.match(seen.lost[0]?.reason ?? '', /\/health responded with 503/)
  })

  test('a slow probe is no failure while requests succeed on the engine', async t => {
    const [busy, idle, sound] = [await fakeEngine(t, {}), await fakeEngine(t, {}), await fakeEngine(t, {})]
    const decode = [busy, idle, sound].map(({ url }) => ({ url }))
    const health = { timeoutSecs: 0.05, failureThreshold: 3 }
    const { seen, slots, breakers } = await openControl(t, { decode }, health)
    await until(() => [0, 1, 2].every(slot => slots.isHealthy(slot)), 'all are healthy')
    const slotOf = (url: string): number =>
      seen.snapshot.engines.find(engine => engine.url === url)?.slot ?? -1
    busy.onProbe = () => breakers.count(slotOf(busy.url), true, 1)
    busy.health = 0
    idle.health = 0
    await until(() => slots.health(slotOf(idle.url)) === 'unhealthy', 'the idle one is unhealthy')
    const { received } = busy
    await until(() => busy.received > received + 4, 'the busy one is probed several times')
    assert.ok(slots.isHealthy(slotOf(busy.url)))
  })
})
