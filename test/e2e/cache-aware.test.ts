/** Policy cache_aware in front of simulated engines, whose own reports say what they had cached. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { healthyEngines, openFleet, openGateway, runningOn, type TestGateway } from '../support/gateway.ts'
import { CLEARED, openPublisher, stored } from '../support/kv-publisher.ts'
import { totalOf } from '../support/metrics.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

/** Tokens have four characters in the simulator. */
const PREFIX_CHARS = 8192
const POLICY = { main: 'cache_aware' } as const

/** One mixed engine, which the tests of what it reports share. */
const ONE = await openGateway(
  { after },
  { fleet: { mixed: 1, knobs: { prefixCache: true, enableCacheReport: true } }, config: { policy: POLICY } },
)

/** A text that no other number gives, not even in its first block. */
function textOf(number: number, chars: number): string {
  const word = `${(number + 1) * 7919} `
  return word.repeat(Math.ceil(chars / word.length)).slice(0, chars)
}

/** A prompt of token ids that no other number gives. */
function tokensOf(number: number): number[] {
  return Array.from({ length: 400 }, (_, index) => number * 1000 + index)
}

async function post(url: string, body: object, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body), ...(signal && { signal }) }
  const response = await fetch(url, init)
  assert.equal(response.status, 200, response.ok ? '' : await response.text())
  return response
}

/** @returns the response, and the share of the prompt that the engine had cached. */
async function askFor(
  origin: string,
  text: string,
  fields: object = {},
): Promise<{ response: Response; share: number }> {
  const body = { text, sampling_params: { max_new_tokens: 2 }, ...fields }
  const response = await post(`${origin}/generate`, body)
  const meta = at(await response.json(), 'meta_info')
  return { response, share: Number(at(meta, 'cached_tokens')) / Number(at(meta, 'prompt_tokens')) }
}

async function ask(origin: string, text: string): Promise<number> {
  return (await askFor(origin, text)).share
}

/** Sends what the test of sglang-router for this policy sends. @returns the response, of which nothing is left to read. */
async function complete(origin: string, prompt: string): Promise<Response> {
  const body = JSON.stringify({ model: 'sim', prompt, max_tokens: 1, stream: false })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/v1/completions`, { method: 'POST', headers, body })
  assert.equal(response.status, 200, await response.text())
  return response
}

/** Asks each of `prefixes` prefixes `turns` times, in turn, each time with another end. @returns the shares in order. */
async function askAll(origins: readonly string[], prefixes: number, turns: number): Promise<number[]> {
  const shares: number[] = []
  for (let index = 0; index < prefixes * turns; index++) {
    const origin = origins[index % origins.length] ?? ''
    shares.push(await ask(origin, textOf(index % prefixes, PREFIX_CHARS) + textOf(index + 1e6, 256)))
  }
  return shares
}

async function gaugeOf(adminOrigin: string, name: string): Promise<number> {
  const text = await (await fetch(`${adminOrigin}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

/** @returns the URL of the engine that gets the prompt. */
async function engineOf(origin: string, tokens: readonly number[]): Promise<string | null> {
  const body = { input_ids: tokens, sampling_params: { max_new_tokens: 2 } }
  const response = await post(`${origin}/generate`, body)
  await response.text()
  return response.headers.get('x-pdgw-engines')
}

function assertCached(shares: readonly number[]): void {
  for (const [index, share] of shares.entries()) assert.ok(share > 0.9, `request ${index}: ${share}`)
}

const openMixed = (t: Parameters<typeof openGateway>[0]): Promise<TestGateway> =>
  openGateway(t, { fleet: { mixed: 4, knobs: { prefixCache: true } }, config: { policy: POLICY } })

/** Of the shared engine, after prompts that it is known to have remembered. */
async function warmUp(): Promise<{ windowBytes: number; corrections: number; prompts: number }> {
  await askAll([ONE.origin], 12, 2)
  const [cache] = await knownCaches(ONE.adminOrigin)
  const prompts = await totalOf(ONE.adminOrigin, 'pdgw_engine_prompt_tokens_total')
  const windowBytes = Number(at(cache, 'windowBytes'))
  return { windowBytes, prompts, corrections: await correctionsOf(ONE.adminOrigin) }
}

async function assertNothingLearned(before: { windowBytes: number; corrections: number }): Promise<void> {
  assert.equal(await correctionsOf(ONE.adminOrigin), before.corrections)
  const [cache] = await knownCaches(ONE.adminOrigin)
  assert.ok(Number(at(cache, 'windowBytes')) >= before.windowBytes)
  assert.equal(at(cache, 'capacityBytes'), null)
  assertCached(await askAll([ONE.origin], 12, 1))
}

/** The engine computes nothing but another prompt until the result is called. */
async function hold(): Promise<() => Promise<void>> {
  const [engine] = ONE.fleet.mixed
  assert.ok(engine)
  engine.scheduler.pause()
  const other = ask(ONE.origin, 'Another prompt')
  await until(() => engine.running() === 1, 'the engine computes the other prompt')
  return async () => {
    engine.scheduler.resume()
    await other
  }
}

suite('cache_aware', { concurrency: 3 }, () => {
  test('sends a prompt to the mixed engine that has computed its beginning', async t => {
    const { origin, adminOrigin } = await openMixed(t)
    await askAll([origin], 12, 1)
    assertCached(await askAll([origin], 12, 3))
    const [prompt, cached, predicted] = await Promise.all(
      ['prompt', 'cached', 'predicted'].map(name => totalOf(adminOrigin, `pdgw_engine_${name}_tokens_total`)),
    )
    assert.ok(prompt !== undefined && cached !== undefined && predicted !== undefined)
    // Three of four prompts were cached nearly whole.
    assert.ok(Math.abs(cached / prompt - 0.73) < 0.02, `${cached} of ${prompt}`)
    assert.ok(Math.abs(predicted / cached - 1) < 0.05, `${predicted} and ${cached}`)
  })

  test('sends a prompt to the prefill engine that has computed its beginning, on all router threads', async t => {
    const { origin } = await openGateway(t, {
      fleet: { prefill: 3, decode: 2, knobs: { prefixCache: true } },
      config: { policy: POLICY, server: { workers: 2 } },
    })
    await askAll([origin], 9, 1)
    assertCached(await askAll([origin], 9, 3))
  })

  test('is right again after an engine has lost its cache', async t => {
    const { origin, fleet } = await openMixed(t)
    await askAll([origin], 12, 2)
    for (const { url } of fleet.mixed) await fetch(`${url}/flush_cache`, { method: 'POST' })
    await askAll([origin], 12, 2)
    assertCached(await askAll([origin], 12, 2))
  })

  test('is right again after an engine has been replaced', async t => {
    const { origin, adminOrigin, fleet } = await openMixed(t)
    await askAll([origin], 12, 2)
    const wasUsed = (await knownCaches(adminOrigin)).some(
      cache => at(cache, 'url') === fleet.mixed[0]?.url && at(cache, 'windowBytes') !== 0,
    )
    await fleet.mixed[0]?.setHealth('dead')
    await until(async () => (await healthyEngines(origin)) === 3, 'the engine is out')
    await fleet.mixed[0]?.setHealth('up')
    await until(async () => (await healthyEngines(origin)) === 4, 'the engine is back')
    const away = await totalOf(adminOrigin, 'pdgw_engine_cache_corrections_total', 'kind="away"')
    assert.ok(away >= Number(wasUsed), `${away} corrections`)
    await askAll([origin], 12, 2)
    assertCached(await askAll([origin], 12, 2))
  })

  const long = textOf(1, PREFIX_CHARS)
  const chat = { messages: [{ role: 'user', content: long }], stream_options: { include_usage: true } }
  // 0 in usage says nothing until the engine has named more than that.
  for (const [what, fleet, path, prompt, share] of [
    ['of /generate', { mixed: 1 }, '/generate', { text: long }, 0.5],
    ['of /generate', { prefill: 1, decode: 1 }, '/generate', { text: long }, 0.5],
    ['of chats with usage', { mixed: 1 }, '/v1/chat/completions', chat, 1],
    ['of responses', { mixed: 1 }, '/v1/responses', { input: long }, 1],
  ] as const)
    test(`learns what engines had cached from streams ${what}, ${Object.keys(fleet).join(' and ')}`, async t => {
      const knobs = { prefixCache: true, enableCacheReport: true }
      const setup = await openGateway(t, { fleet: { ...fleet, knobs }, config: { policy: POLICY } })
      const body = { model: 'sim', ...prompt, stream: true }
      for (let turn = 0; turn < 2; turn++) await (await post(`${setup.origin}${path}`, body)).text()
      const totals = ['prompt', 'cached', 'predicted'].map(name => `pdgw_engine_${name}_tokens_total`)
      const [prompts = 0, cached = 0, predicted = 0] = await Promise.all(
        totals.map(name => totalOf(setup.adminOrigin, name)),
      )
      for (const tokens of [cached, predicted])
        assert.ok(Math.abs(tokens / prompts - share) < 0.05, `${tokens} of ${prompts}`)
    })

  test('does not take 0 in responses for a lost cache if the engine does not report what it had cached', async t => {
    const { origin, adminOrigin } = await openGateway(t, {
      fleet: { mixed: 2, knobs: { prefixCache: true, enableCacheReport: false } },
      config: { policy: POLICY, server: { routeHeaders: true } },
    })
    const routes: (string | null)[] = []
    for (let turn = 0; turn < 3; turn++) {
      const response = await post(`${origin}/v1/responses`, { model: 'sim', input: long })
      assert.equal(at(await response.json(), 'usage', 'input_tokens_details', 'cached_tokens'), 0)
      routes.push(response.headers.get('x-pdgw-route'))
    }
    assert.deepEqual(routes, [
      'mixed;reason=hashed;cached=0.00',
      'mixed;reason=cached;cached=1.00',
      'mixed;reason=cached;cached=1.00',
    ])
    assert.equal(await correctionsOf(adminOrigin), 0)
    assert.equal(await totalOf(adminOrigin, 'pdgw_engine_prompt_tokens_total'), 0)
  })

  test('expects nothing of the caches that were flushed through the gateway', async t => {
    const { origin, adminOrigin, fleet } = await openGateway(t, {
      fleet: { mixed: 2, knobs: { prefixCache: true, dpSize: 2 } },
      config: { policy: POLICY },
    })
    await askAll([origin], 12, 3)
    assert.equal(runningOn(fleet), 0)
    assert.equal((await fetch(`${origin}/flush_cache`, { method: 'POST' })).status, 200)
    const caches = await knownCaches(adminOrigin)
    assert.deepEqual(
      caches.map(cache => [at(cache, 'windowBytes'), at(cache, 'capacityBytes')]),
      [0, 0, 0, 0].map(window => [window, null]),
    )
    const shares = await askAll([origin], 12, 1)
    assert.deepEqual(
      shares,
      shares.map(() => 0),
    )
    assertCached(await askAll([origin], 12, 2))
    assert.equal(await correctionsOf(adminOrigin), 0)
  })

  test('sends a prompt of token ids to the engine whose KV events say that it holds it', async t => {
    const fleet = await openFleet(t, { mixed: 3 })
    const publishers = await Promise.all(fleet.mixed.map(() => openPublisher(t)))
    const mixed = fleet.mixed.map(({ url }, engine) => ({ url, kvEvents: publishers[engine]?.endpoint }))
    const { origin, adminOrigin } = await openGateway(t, {
      fleet,
      config: {
        policy: { ...POLICY, kvEvents: { enabled: true } },
        server: { routeHeaders: true, workers: 2 },
      },
      engines: { mixed },
    })
    await until(
      () => publishers.every(({ subscribers }) => subscribers() > 0),
      'all events are subscribed to',
    )
    const knows = (blocks: number): Promise<void> =>
      until(
        async () => (await gaugeOf(adminOrigin, 'pdgw_control_kv_blocks')) === blocks,
        `${blocks} blocks are known`,
      )
    for (const [engine, publisher] of publishers.entries())
      await publisher.publish(stored(tokensOf(engine), 1))
    await knows(300)
    for (const [engine, { url }] of fleet.mixed.entries())
      for (let turn = 0; turn < 2; turn++)
        assert.equal(await engineOf(origin, [...tokensOf(engine), turn]), url)
    // What this engine held another one holds now.
    await publishers[1]?.publish(stored(tokensOf(0), 1000))
    await publishers[0]?.publish(CLEARED)
    await until(
      async () => (await totalOf(adminOrigin, 'pdgw_engine_kv_events_total')) === 5,
      'all events are counted',
    )
    for (let turn = 0; turn < 2; turn++)
      assert.equal(await engineOf(origin, [...tokensOf(0), turn]), fleet.mixed[1]?.url)
  })

  test('sends a short prompt that is repeated to one engine, and so does another gateway', async t => {
    const config = { policy: POLICY, server: { routeHeaders: true } }
    // Each would take a report with a request of the other for load.
    const engines = { loadIntervalSecs: 0 }
    const first = await openGateway(t, { fleet: { mixed: 2 }, config, engines })
    const second = await openGateway(t, { fleet: first.fleet, config, engines })
    const routes: (string | null)[] = []
    for (let turn = 0; turn < 12; turn++) {
      const { origin } = turn % 2 === 0 ? first : second
      const { headers } = await complete(origin, 'repeated prompt for cache')
      routes.push(headers.get('x-pdgw-route'))
    }
    const received = first.fleet.mixed.map(({ counters }) => counters.received)
    // One request may be seen to be in flight still when the next one comes.
    assert.ok(Math.max(...received) >= 10, received.join())
    assert.ok(routes.filter(route => route === 'mixed;reason=hashed').length >= 10, routes.join())
  })

  test('divides short prompts among the engines under load, with the thresholds of sglang-router', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { mixed: 2 },
      config: { policy: { ...POLICY, cacheThreshold: 0.99, balanceAbs: 0, balanceRel: 1 } },
    })
    let next = 0
    const client = async (): Promise<void> => {
      while (next < 40) await complete(origin, `short prompt ${next++}`)
    }
    await Promise.all(Array.from({ length: 16 }, client))
    const received = fleet.mixed.map(({ counters }) => counters.received)
    assert.ok(Math.min(...received) > 0, received.join())
  })

  test('expects nothing cached of a prompt that only another tenant has sent', async t => {
    const { origin, adminOrigin } = await openMixed(t)
    const shares: number[][] = []
    for (let turn = 0; turn < 2; turn++) {
      const ofTurn: number[] = []
      for (const tenant of ['a', 'b', 'c', 'd', 'e', 'f'])
        ofTurn.push((await askFor(origin, textOf(1, PREFIX_CHARS), { extra_key: tenant })).share)
      shares.push(ofTurn)
    }
    assert.deepEqual(shares[0], [0, 0, 0, 0, 0, 0])
    assertCached(shares[1] ?? [])
    assert.equal(await totalOf(adminOrigin, 'pdgw_engine_cache_corrections_total'), 0)
  })

  test('chooses alike in two gateways, which know nothing of each other', async t => {
    const first = await openMixed(t)
    const second = await openGateway(t, { fleet: first.fleet, config: { policy: POLICY } })
    await askAll([first.origin], 12, 1)
    assertCached(await askAll([second.origin], 12, 1))
  })

  test('says why it chose an engine, what it believes of it, and when it was wrong', async t => {
    const { origin, adminOrigin, fleet } = await openGateway(t, {
      fleet: { prefill: 2, decode: 1, knobs: { prefixCache: true } },
      // So small that all of it is counted, not a sample.
      config: { policy: { ...POLICY, indexBytes: 524_288 }, server: { routeHeaders: true } },
    })
    const prefix = textOf(1, PREFIX_CHARS)
    const routes: (string | null)[] = []
    for (let turn = 0; turn < 3; turn++) {
      const { response } = await askFor(origin, prefix + textOf(turn + 1e6, 256))
      routes.push(response.headers.get('x-pdgw-route'))
    }
    assert.deepEqual(routes, [
      'prefill;reason=hashed;cached=0.00, decode;reason=only',
      'prefill;reason=cached;cached=0.97, decode;reason=only',
      'prefill;reason=cached;cached=0.97, decode;reason=only',
    ])
    const choices = (reason: string): Promise<number> =>
      totalOf(adminOrigin, 'pdgw_engine_choices_total', `reason="${reason}"`)
    assert.deepEqual(await Promise.all(['hashed', 'cached', 'only'].map(choices)), [1, 2, 3])

    const holder = await holderOf(adminOrigin)
    assert.equal(at(holder, 'heldBlocks'), 24)
    assert.equal(at(holder, 'waitingBytes'), 0)
    // Two of three prompts were cached nearly whole.
    for (const rate of ['reportedHitRate', 'predictedHitRate'])
      assert.ok(Math.abs(Number(at(holder, rate)) - 0.65) < 0.02, rate)
    assert.equal(at(holder, 'latestCorrection'), null)

    for (const { url } of fleet.prefill) await fetch(`${url}/flush_cache`, { method: 'POST' })
    assert.equal(await ask(origin, prefix), 0)
    const corrections = (kind: string): Promise<number> =>
      totalOf(adminOrigin, 'pdgw_engine_cache_corrections_total', `kind="${kind}"`)
    await until(async () => (await corrections('lost')) === 1, 'the correction is counted')
    assert.equal(at(await holderOf(adminOrigin), 'latestCorrection', 'kind'), 'lost')
  })
})

suite('a report of less than was expected', () => {
  test('says nothing of samples of a prompt that is new to the engine, which computes them together', async () => {
    const before = await warmUp()
    const release = await hold()
    const text = textOf(1000, 4096)
    const response = post(`${ONE.origin}/generate`, { text, sampling_params: { max_new_tokens: 2, n: 4 } })
    await until(() => runningOn(ONE.fleet) === 5, 'the engine has all samples')
    await release()
    const samples: unknown = await (await response).json()
    const cached = [0, 1, 2, 3].map(sample => at(samples, sample, 'meta_info', 'cached_tokens'))
    assert.deepEqual(cached, [0, 0, 0, 0])
    await assertNothingLearned(before)
    assert.ok((await ask(ONE.origin, text)) > 0.9)
  })

  const known = textOf(3000, PREFIX_CHARS)
  const sampling = { sampling_params: { max_new_tokens: 2 } }
  for (const [what, path, plain, wish] of [
    [
      'logprobs of the prompt',
      '/generate',
      { text: known, ...sampling },
      { return_logprob: true, logprob_start_len: 0 },
    ],
    [
      'logprobs of the echoed prompt',
      '/v1/completions',
      { model: 'sim', prompt: known, max_tokens: 2 },
      { echo: true, logprobs: 1 },
    ],
  ] as const)
    test(`says nothing of a prompt that the engine computes again for ${what}`, async () => {
      for (let turn = 0; turn < 2; turn++) await (await post(ONE.origin + path, plain)).text()
      const before = await warmUp()
      await (await post(ONE.origin + path, { ...plain, ...wish })).text()
      assert.equal(await totalOf(ONE.adminOrigin, 'pdgw_engine_prompt_tokens_total'), before.prompts)
      await assertNothingLearned(before)
    })

  test('says nothing of a prompt whose client had left before the engine computed it', async () => {
    const before = await warmUp()
    const release = await hold()
    const text = textOf(2000, 4096)
    const left = new AbortController()
    const body = { text, sampling_params: { max_new_tokens: 2 } }
    const response = post(`${ONE.origin}/generate`, body, left.signal)
    await until(() => runningOn(ONE.fleet) === 2, 'the prompt waits')
    left.abort()
    await assert.rejects(response)
    await until(() => runningOn(ONE.fleet) === 1, 'the prompt is aborted')
    await release()
    assert.equal(await ask(ONE.origin, text), 0)
    await assertNothingLearned(before)
  })
})

/** How often a prediction was wrong, of whatever kind. */
function correctionsOf(adminOrigin: string): Promise<number> {
  return totalOf(adminOrigin, 'pdgw_engine_cache_corrections_total')
}

/** What `/admin/index` shows of each engine. */
async function knownCaches(adminOrigin: string): Promise<readonly unknown[]> {
  const index: unknown = await (await fetch(`${adminOrigin}/admin/index`)).json()
  const engines = at(index, 'engines')
  assert.ok(Array.isArray(engines))
  return engines
}

/** The engine that has computed all prompts. */
async function holderOf(adminOrigin: string): Promise<unknown> {
  const caches = await knownCaches(adminOrigin)
  return caches.find(cache => Number(at(cache, 'promptTokens')) > 0)
}
