/** A subscription and what it notes, against publishers of libzmq. */
import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { suite, type TestContext, test } from 'node:test'
import { kvEventsSchema } from '../../src/config/caching/kv-events.ts'
import { configSchema } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { EngineBlocks } from '../../src/kv-events/engine-blocks.ts'
import { EngineFeed, type FeedOptions } from '../../src/kv-events/engine-feed.ts'
import { KvEvents } from '../../src/kv-events/kv-events.ts'
import type { KvSource } from '../../src/kv-events/sources.ts'
import { Subscription } from '../../src/kv-events/subscription.ts'
import { EngineCaches } from '../../src/shared/engine-caches.ts'
import { KvBlockIndex } from '../../src/shared/kv-blocks/kv-block-index.ts'
import { TokenChain } from '../../src/shared/kv-blocks/token-chain.ts'
import { createSharedMemory, targetOf, withKvBlocks } from '../../src/shared/layout.ts'
import { Recorder } from '../../src/telemetry/recorder.ts'
import { engineOf } from '../support/engines.ts'
import { CLEARED, type KvPublisher, openPublisher, removed, stored } from '../support/kv-publisher.ts'
import { listen } from '../support/listen.ts'
import { until } from '../support/until.ts'

const SLOT = 1
const MAX_ENGINES = 2
const ignore = (): void => undefined
const LIMITS = {
  maxMessageBytes: 1_048_576,
  maxQueuedBytes: 1_048_576,
  connectTimeoutMs: 20_000,
  replayTimeoutMs: 20_000,
  maxReconnectMs: 200,
}

function follow(t: TestContext, { endpoint, replayEndpoint }: Partial<KvPublisher>, hasReplay: boolean) {
  const index = new KvBlockIndex(withKvBlocks(createSharedMemory(MAX_ENGINES, 1), 4096))
  const seen = { open: 0, lost: [] as string[], gaps: [] as string[], malformed: 0, restarts: 0, cleared: 0 }
  const blocks = new EngineBlocks({
    slot: SLOT,
    index,
    hasRoom: () => true,
    onChange: () => undefined,
    onCleared: () => seen.cleared++,
    onEvent: (kind, events) => {
      if (kind === 'malformed') seen.malformed += events
    },
  })
  const subscription = new Subscription({
    source: { endpoint: endpoint ?? '', replayEndpoint: hasReplay ? replayEndpoint : undefined, topic: '' },
    limits: LIMITS,
    blocks,
    random: () => 0,
    onOpen: () => seen.open++,
    onLost: reason => seen.lost.push(reason),
    onGap: (outcome, missed) => seen.gaps.push(`${outcome} ${missed}`),
    onCaughtUp: () => undefined,
    onMalformed: () => seen.malformed++,
    onRestart: () => seen.restarts++,
  })
  t.after(() => subscription.close())
  const holds = (...tokens: readonly number[]): boolean =>
    index.blockSize(SLOT) > 0 && index.has(SLOT, chainOf(tokens))
  return { index, seen, holds }
}

function chainOf(tokens: readonly number[]): TokenChain {
  const chain = new TokenChain()
  for (const token of tokens) chain.add(token)
  return chain
}

function feedOf(t: TestContext, findSource: FeedOptions['findSource']) {
  const shared = withKvBlocks(createSharedMemory(MAX_ENGINES, 1), 4096)
  const caches = new EngineCaches(shared)
  let blocks = 0
  const feed = new EngineFeed({
    engine: engineOf({ slot: SLOT }),
    target: SLOT,
    findSource,
    askEveryMs: 50,
    limits: kvEventsSchema.parse({ enabled: true }),
    index: new KvBlockIndex(shared),
    caches,
    recorder: new Recorder(shared, 0),
    log: { isDebug: false, debug: ignore, info: ignore, warn: ignore, error: ignore },
    random: () => 0,
    hasRoom: () => true,
    onBlocks: change => {
      blocks += change
    },
    onConnections: ignore,
  })
  t.after(() => feed.close())
  return { caches, feed, blocks: () => blocks }
}

/** Follows these engines, and says what is noted of each of their ranks. */
function followAll(t: TestContext, engines: readonly Engine[]) {
  const shared = withKvBlocks(createSharedMemory(MAX_ENGINES, 1), 4096)
  const caches = new EngineCaches(shared)
  const config = configSchema.parse({ policy: { kvEvents: { enabled: true } } })
  const warnings: string[] = []
  const log = { isDebug: false, debug: ignore, info: ignore, error: ignore }
  const events = new KvEvents({
    config,
    shared,
    caches,
    recorder: new Recorder(shared, 0),
    log: { ...log, warn: (_, message) => warnings.push(message) },
  })
  t.after(() => events.close())
  events.sync({ generation: 1, engines })
  const index = new KvBlockIndex(shared)
  const holds = (rank: number, ...tokens: readonly number[]): boolean => {
    const target = targetOf(SLOT, rank, MAX_ENGINES)
    return index.blockSize(target) > 0 && index.has(target, chainOf(tokens))
  }
  return { events, caches, warnings, holds }
}

function sourceOf({ endpoint }: KvPublisher): KvSource {
  return { endpoint, replayEndpoint: undefined, topic: '' }
}

/** Resolves when the publisher knows of its subscriber, so that nothing is lost. */
const subscribed = (publisher: KvPublisher): Promise<void> =>
  until(() => publisher.subscribers() > 0, 'it is subscribed to')

suite('KV events of an engine', { concurrency: 8 }, () => {
  test('say which blocks it holds, until they are removed or all are cleared', async t => {
    const publisher = await openPublisher(t)
    const { index, seen, holds } = follow(t, publisher, false)
    await subscribed(publisher)
    await publisher.publish(stored([1, 2, 3, 4, 5, 6, 7, 8], 10))
    await until(() => holds(1, 2, 3, 4, 5, 6, 7, 8), 'both blocks are held')
    assert.ok(holds(1, 2, 3, 4))
    assert.ok(!holds(5, 6, 7, 8))
    assert.ok(index.isComplete(SLOT))
    assert.equal(index.blockSize(0), 0)
    await publisher.publish(removed(11))
    await until(() => !holds(1, 2, 3, 4, 5, 6, 7, 8), 'the second is gone')
    assert.ok(holds(1, 2, 3, 4))
    await publisher.publish(CLEARED)
    await until(() => !holds(1, 2, 3, 4), 'the first is gone')
    assert.deepEqual([seen.cleared, index.isComplete(SLOT)], [1, true])
  })

  test('are forgotten after a gap, and go on from there', async t => {
    const publisher = await openPublisher(t)
    const { index, seen, holds } = follow(t, publisher, false)
    await subscribed(publisher)
    await publisher.publish(stored([1, 2, 3, 4], 10))
    publisher.lose(removed(10))
    await publisher.publish(stored([5, 6, 7, 8], 20))
    await until(() => holds(5, 6, 7, 8), 'the new block is held')
    assert.ok(!holds(1, 2, 3, 4))
    assert.ok(!index.isComplete(SLOT))
    assert.deepEqual(seen.gaps, ['forgotten 1'])
  })

  test('are asked for again after a gap', async t => {
    const publisher = await openPublisher(t)
    const { index, seen, holds } = follow(t, publisher, true)
    await subscribed(publisher)
    await publisher.publish(stored([1, 2, 3, 4], 10))
    await until(() => holds(1, 2, 3, 4), 'the first block is held')
    publisher.lose(stored([2, 2, 2, 2], 30))
    publisher.lose(removed(10))
    await publisher.publish(stored([5, 6, 7, 8], 20))
    await until(() => holds(5, 6, 7, 8) && seen.gaps.length > 0, 'the new block is held')
    assert.ok(!holds(1, 2, 3, 4))
    assert.ok(holds(2, 2, 2, 2))
    assert.ok(index.isComplete(SLOT))
    assert.deepEqual(seen.gaps, ['replayed 2'])
  })

  test('that are lost during a replay are asked for after it', async t => {
    const { promise: mayEnd, resolve } = Promise.withResolvers<void>()
    const publisher = await openPublisher(t, undefined, mayEnd)
    const { index, seen, holds } = follow(t, publisher, true)
    await subscribed(publisher)
    await publisher.publish(stored([1, 2, 3, 4], 10))
    publisher.lose(stored([2, 2, 2, 2], 30))
    await publisher.publish(stored([5, 6, 7, 8], 20))
    resolve()
    await until(() => holds(5, 6, 7, 8), 'the last block is held')
    assert.ok(holds(1, 2, 3, 4) && holds(2, 2, 2, 2))
    assert.ok(index.isComplete(SLOT))
    assert.ok(!seen.gaps.some(gap => gap.startsWith('forgotten')))
  })

  test('from before the subscription are had from the replay', async t => {
    const publisher = await openPublisher(t)
    publisher.lose(stored([1, 2, 3, 4], 10))
    const { index, holds } = follow(t, publisher, true)
    await until(() => holds(1, 2, 3, 4), 'the block is held')
    assert.ok(index.isComplete(SLOT))
  })

  test('from before the subscription are missing without a replay, which is known', async t => {
    const publisher = await openPublisher(t)
    publisher.lose(stored([1, 2, 3, 4], 10))
    const { index, holds } = follow(t, publisher, false)
    await subscribed(publisher)
    await publisher.publish(stored([5, 6, 7, 8], 20))
    await until(() => holds(5, 6, 7, 8), 'the new block is held')
    assert.ok(!index.isComplete(SLOT))
  })

  for (const hasReplay of [true, false])
    test(`are those of the new process after a restart, ${hasReplay ? 'with' : 'without'} a replay`, async t => {
      const publisher = await openPublisher(t)
      const { index, seen, holds } = follow(t, publisher, hasReplay)
      await subscribed(publisher)
      await publisher.publish(stored([1, 2, 3, 4], 10))
      await publisher.publish(stored([4, 3, 2, 1], 15))
      await until(() => holds(4, 3, 2, 1), 'the blocks are held')
      publisher.close()
      await until(() => seen.lost.length > 0, 'the connection is lost')
      assert.equal(index.blockSize(SLOT), 0)
      const next = await openPublisher(t, publisher)
      await subscribed(next)
      await next.publish(stored([5, 6, 7, 8], 20))
      await until(() => holds(5, 6, 7, 8), 'the new block is held')
      assert.ok(!holds(1, 2, 3, 4))
      assert.ok(index.isComplete(SLOT))
    })

  test('that are damaged are counted, and the next ones are read', async t => {
    const publisher = await openPublisher(t)
    const { index, seen, holds } = follow(t, publisher, false)
    await subscribed(publisher)
    await publisher.send(Buffer.from('only one frame'))
    await publisher.send(Buffer.alloc(0), Buffer.alloc(8), Buffer.from([0xc1]))
    publisher.lose()
    await publisher.publish({ type: 'BlockRemoved', block_hashes: 'none' }, stored([1, 2, 3, 4], 10))
    await until(() => holds(1, 2, 3, 4), 'the block is held')
    assert.equal(seen.malformed, 3)
    assert.ok(!index.isComplete(SLOT))
  })

  test('bound what it is believed to remember of any prompt', async t => {
    const publisher = await openPublisher(t)
    const { caches, feed, blocks } = feedOf(t, async () => sourceOf(publisher))
    await subscribed(publisher)
    caches.computed(SLOT, 8000, 0)
    await publisher.publish(
      stored(
        Array.from({ length: 400 }, (_, token) => token),
        100,
      ),
    )
    await publisher.publish(removed(...Array.from({ length: 60 }, (_, block) => 140 + block)))
    await until(() => blocks() === 40, 'the rest is held')
    feed.boundCache()
    // 160 of 400 tokens, which were 8,000 bytes of prompts.
    assert.deepEqual(caches.read(SLOT), { window: 3200, capacity: 3200, longestHit: 0 })
    caches.write(SLOT, { window: 3000, capacity: 3200, longestHit: 2000 })
    await publisher.publish(CLEARED)
    await until(() => blocks() === 0, 'nothing is held')
    const { window, capacity } = caches.read(SLOT)
    assert.ok(window === 0 && capacity > 3200, `${window} of ${capacity}`)
  })

  test('are followed to another port, and looked for until there are any', async t => {
    const publishers = [await openPublisher(t), await openPublisher(t)] as const
    let asked = 0
    const { blocks } = feedOf(t, async () => {
      asked++
      if (asked < 3) return undefined
      return sourceOf(publishers[asked === 3 ? 0 : 1])
    })
    await subscribed(publishers[0])
    await publishers[0].publish(stored([1, 2, 3, 4, 5, 6, 7, 8], 10))
    await until(() => blocks() === 2, 'both blocks are known')
    publishers[0].close()
    await subscribed(publishers[1])
    assert.equal(blocks(), 0)
  })

  test('that come from something else end the connection, which is tried again', async t => {
    const server = createServer(socket => socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${' '.repeat(64)}`))
    const port = await listen(server)
    t.after(() => server.close())
    const { seen } = follow(t, { endpoint: `tcp://127.0.0.1:${port}` }, false)
    await until(() => seen.lost.length > 1, 'it was tried twice')
    assert.match(seen.lost[0] ?? '', /does not speak ZMTP 3/)
  })

  test('of an engine with several ranks are those of each rank', async t => {
    const ranks = [await openPublisher(t), await openPublisher(t)] as const
    let asked = 0
    const server = createHttpServer((_, response) => {
      asked++
      response.end(
        JSON.stringify(
          ranks.map(({ endpoint }, rank) => ({ data_parallel_rank: rank, endpoint, topic: '' })).toReversed(),
        ),
      )
    })
    const url = `http://127.0.0.1:${await listen(server)}`
    t.after(() => server.close())
    const engine = engineOf({ slot: SLOT, url, role: 'mixed', isVllm: true })
    const ranked = { ...engine, ranks: { count: 2, field: 'x-data-parallel-rank' } } as const
    const { events, caches, holds } = followAll(t, [ranked])
    await Promise.all(ranks.map(subscribed))
    assert.equal(asked, 1, 'the engine is asked once for all ranks')
    await ranks[0].publish(stored([1, 2, 3, 4], 10))
    await ranks[1].publish(stored([5, 6, 7, 8], 10))
    await until(() => holds(0, 1, 2, 3, 4) && holds(1, 5, 6, 7, 8), 'each rank holds its block')
    assert.ok(!holds(1, 1, 2, 3, 4) && !holds(0, 5, 6, 7, 8))
    const targets = [0, 1].map(rank => targetOf(SLOT, rank, MAX_ENGINES))
    for (const target of targets) caches.computed(target, 8000, 0)
    await ranks[1].publish(CLEARED)
    await until(() => !holds(1, 5, 6, 7, 8), 'the second rank holds nothing')
    assert.ok(holds(0, 1, 2, 3, 4))
    assert.deepEqual(
      targets.map(target => caches.read(target).window),
      [8000, 0],
    )
    events.sync({ generation: 2, engines: [] })
    assert.ok(!holds(0, 1, 2, 3, 4), 'an engine that is gone holds nothing')
  })

  test('are not followed where the engine chooses the rank, and with decode engines', t => {
    const engines = [engineOf({ dpSize: 2, role: 'prefill' }), engineOf({ role: 'decode' })]
    const { events, warnings } = followAll(t, engines)
    events.sync({ generation: 2, engines })
    assert.equal(warnings.length, 1)
    assert.match(warnings.join(), /it chooses its data-parallel rank itself/)
  })
})
