/** Router threads that die or block: their requests continue on another thread, or end with one error. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import { openFrontend } from '../../support/frontend.ts'
import { until } from '../../support/until.ts'

const LARGE = 300_000

interface Echoed {
  readonly body: string
  readonly ageMs: number
}

// These tests mostly wait for a thread that starts or blocks.
suite('router threads that are lost', { concurrency: 2 }, () => {
  test('opens unstarted requests again on the replacement, with their bodies', async t => {
    const { origin, frontend, threads, openings } = await openFrontend(t)
    const bodies = ['{}', '{"a":"small"}', 'l'.repeat(LARGE), 'x'.repeat(9000)]
    const responses = bodies.map(body => post(`${origin}/generate?once`, body))
    await until(() => openings() === bodies.length)
    assert.equal(await threads.restart(0), true)
    for (const [index, response] of (await Promise.all(responses)).entries()) {
      assert.equal(response.status, 200)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the echo router sends this shape
      const echoed = (await response.json()) as Echoed
      assert.equal(hash(echoed.body), hash(bodies[index] ?? ''))
      assert.ok(echoed.ageMs > 0, 'the deadline counts from the first opening')
    }
    assert.equal(frontend.openRequests, 0)
    assert.equal(threads.channels[0]?.openExchanges, 0)
  })

  test('opens them on another thread if one runs', async t => {
    const { origin, threads, openings } = await openFrontend(t, { threads: 2 })
    const responses = Array.from({ length: 10 }, () => post(`${origin}/generate?once`, '{}'))
    await until(() => openings() === 10)
    const [first, second] = threads.channels
    await threads.restart(first?.thread ?? -1)
    await until(() => openOn(threads) === 5)
    assert.equal(second?.openExchanges, 5, 'it has ended the others')
    await threads.restart(second.thread)
    for (const response of await Promise.all(responses)) assert.equal(response.status, 200)
  })

  test('lets a request wait while no thread runs', async t => {
    const { origin, frontend, threads, threadsLost } = await openFrontend(t)
    await threads.restart(0)
    await until(() => threadsLost() === 1)
    const response = await post(`${origin}/generate`, '{"late":1}')
    assert.equal(response.status, 200)
    assert.partialDeepStrictEqual(await response.json(), { body: '{"late":1}' })
    assert.equal(frontend.openRequests, 0)
  })

  test('leaves nothing open when a client leaves while it waits for a thread', async t => {
    const { origin, frontend, threads, threadsLost } = await openFrontend(t)
    await threads.restart(0)
    await until(() => threadsLost() === 1)
    const controller = new AbortController()
    // It stays open even if the next thread starts before the first poll.
    const response = fetch(`${origin}/generate?silent`, { method: 'POST', signal: controller.signal })
    await until(() => frontend.openRequests === 1)
    controller.abort()
    await assert.rejects(response)
    await until(() => frontend.openRequests === 0)
  })

  test('gives up a request that was open on three threads when they died', async t => {
    const { origin, frontend, threads } = await openFrontend(t)
    const killer = await post(`${origin}/generate?die`, '{}')
    assert.equal(killer.status, 503)
    assert.match(await killer.text(), /open on 3 router threads .*"code":"thread-lost"/)
    await until(() => threads.channels.length === 1)
    assert.equal(frontend.openRequests, 0)
  })

  for (const count of [1, 3])
    test(`saves the neighbours of a request that kills threads, with ${count} threads`, async t => {
      const { origin, frontend, threads, openings, threadsLost } = await openFrontend(t, { threads: count })
      const neighbours = Array.from({ length: 9 }, () => post(`${origin}/generate?once`, '{}'))
      await until(() => openings() === 9)
      const killer = await post(`${origin}/generate?die`, '{}')
      assert.equal(killer.status, 503)
      assert.match(await killer.text(), /open on 3 router threads .*"code":"thread-lost"/)
      // Requests on a thread that has not died are still held there.
      for (let thread = 0; thread < count; thread++) {
        await until(() => threads.channels.length === count)
        const lost = threadsLost()
        await threads.restart(thread)
        await until(() => threadsLost() > lost)
      }
      for (const response of await Promise.all(neighbours)) assert.equal(response.status, 200)
      assert.equal(frontend.openRequests, 0)
    })

  test('does not count threads that an operator restarted', async t => {
    const { origin, frontend, threads, threadsLost } = await openFrontend(t)
    const leaving = new AbortController()
    const sent = { method: 'POST', body: Buffer.from('{}'), signal: leaving.signal }
    const response = fetch(`${origin}/generate?silent`, sent)
    await until(() => openOn(threads) === 1)
    for (let restart = 0; restart < 3; restart++) {
      assert.equal(await threads.restart(0), true)
      await until(() => threadsLost() === restart + 1)
      await until(() => openOn(threads) === 1)
    }
    leaving.abort()
    await assert.rejects(response)
    await until(() => frontend.openRequests === 0)
  })

  test('replaces a blocked thread and serves what it had open', async t => {
    const { origin, threads, openings } = await openFrontend(t, {
      config: { server: { threadStallMs: 1000 } },
    })
    const before = threads.channels[0]
    const waiting = post(`${origin}/generate?once`, '{"n":1}')
    await until(() => openings() === 1)
    const blocker = post(`${origin}/generate?block`, '{}')
    assert.equal((await waiting).status, 200)
    assert.equal((await blocker).status, 200)
    assert.notEqual(threads.channels[0], before)
  })

  test('does not replace a thread that is busy but not blocked', async t => {
    const { origin, threads } = await openFrontend(t, { config: { server: { threadStallMs: 1000 } } })
    const before = threads.channels[0]
    const endMs = performance.now() + 2500
    let asked = 0
    while (performance.now() < endMs) {
      await (await post(`${origin}/generate?bytes=100000`, '{}')).arrayBuffer()
      asked++
    }
    assert.ok(asked > 0)
    assert.equal(threads.channels[0], before)
  })

  test('does not restart a thread that does not exist', async t => {
    const { threads } = await openFrontend(t)
    assert.equal(await threads.restart(7), false)
  })
})

function openOn(threads: { readonly channels: readonly { readonly openExchanges: number }[] }): number {
  return threads.channels.reduce((sum, channel) => sum + channel.openExchanges, 0)
}

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', body: Buffer.from(body) })
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
