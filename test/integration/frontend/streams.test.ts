/** Streamed responses: order, clients that leave, clients that do not read, threads that die, many streams at once. */
import assert from 'node:assert/strict'
import { Agent, type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { openFrontend, type TestFrontend } from '../../support/frontend.ts'
import { readBody } from '../../support/read-body.ts'
import { until } from '../../support/until.ts'

test('streams every byte', async t => {
  const { origin, frontend } = await openFrontend(t)
  const response = await fetch(`${origin}/generate?stream=3000&size=1000`, { method: 'POST' })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  assert.equal(await response.text(), 'c'.repeat(3_000_000))
  await until(() => frontend.openRequests === 0)
})

test('does not end a stream at an empty chunk', async t => {
  const { origin } = await openFrontend(t)
  const response = await fetch(`${origin}/generate?stream=5&size=0`, { method: 'POST' })
  assert.equal(await response.text(), '')
})

test('notifies the router thread when a client leaves, before and during the response', async t => {
  const { origin, frontend } = await openFrontend(t)
  const silent = open(`${origin}/generate?silent`)
  const hanging = open(`${origin}/generate?hang`)
  await once(hanging)
  await until(() => frontend.openRequests === 2)
  silent.destroy()
  hanging.destroy()
  await until(async () => (await ask(origin, 'aborts')) === '2')
  assert.equal(frontend.openRequests, 0)
})

test('gives no credit for a client that does not read, and serves it in full when it does', async t => {
  const { origin } = await openFrontend(t, { config: { limits: { relayBytesPerStream: 65_536 } } })
  const bytes = 64 * 1024 * 1024
  const response = await once(open(`${origin}/generate?stream=${bytes / 4096}&size=4096`))
  // Meanwhile a client that reads receives all of an equally long stream from the same thread, which is time enough.
  assert.equal(
    (await textOf(await once(open(`${origin}/generate?stream=${bytes / 4096}&size=4096`)))).length,
    bytes,
  )
  const sent = Number(await ask(origin, 'sent')) - bytes
  assert.ok(sent > 0 && sent < bytes / 2, `${sent} bytes were sent to a client that reads nothing`)
  let received = 0
  for await (const piece of response) received += Buffer.byteLength(piece)
  assert.equal(received, bytes)
})

test('ends the streams of a lost thread, saves its unstarted requests, and serves the next one', async t => {
  const { origin, frontend, threads } = await openFrontend(t)
  const innocent = once(open(`${origin}/generate?once`))
  const hanging = await once(open(`${origin}/generate?hang`))
  await until(() => frontend.openRequests === 2)
  const broken = readBody(hanging)
  const killer = await once(open(`${origin}/generate?die`))
  assert.equal(killer.statusCode, 503)
  assert.match(await textOf(killer), /"code":"thread-lost"/)
  assert.equal((await innocent).statusCode, 200)
  const streamed = await broken
  assert.equal(streamed.isComplete, false)
  assert.match(
    streamed.text,
    /^data: \{"n":1\}\n\ndata: \{"error":\{.*"code":503,"reason":"thread-lost".*\}\}\n\n$/,
  )
  await until(() => threads.channels.length === 1)
  assert.equal(await ask(origin, 'aborts'), '0')
  assert.equal(frontend.openRequests, 0)
})

test('sends the engine snapshot to a thread that replaces a lost one', async t => {
  const { origin, threads } = await openFrontend(t)
  threads.sendSnapshot({ generation: 7, engines: [] })
  await until(async () => (await ask(origin, 'generation')) === '7')
  await textOf(await once(open(`${origin}/generate?die`)))
  await until(() => threads.channels.length === 1)
  assert.equal(await ask(origin, 'generation'), '7')
})

test('serves thousands of requests at once, over two threads', async t => {
  const { origin, frontend, threads } = await openFrontend(t, { threads: 2 })
  const agent = new Agent({ keepAlive: true, maxSockets: 200 })
  t.after(() => agent.destroy())
  const responses = await Promise.all(
    Array.from({ length: 3000 }, async (_, n) =>
      textOf(await once(open(`${origin}/generate?n=${n}`, agent))),
    ),
  )
  assert.ok(responses.every((text, n) => text.includes(`"query":"n=${n}"`)))
  assert.equal(frontend.openRequests, 0)
  assert.deepEqual(
    threads.channels.map(channel => channel.openExchanges),
    [0, 0],
  )
})

test('aborts open requests when it closes', async t => {
  const setup: TestFrontend = await openFrontend(t)
  const hanging = await once(open(`${setup.origin}/generate?hang`))
  setup.frontend.close()
  await assert.rejects(textOf(hanging))
  assert.equal(setup.frontend.openRequests, 0)
})

function open(url: string, agent = new Agent()): ReturnType<typeof request> {
  const sent = request(url, { method: 'POST', agent })
  sent.on('error', () => {})
  sent.end('{}')
  return sent
}

function once(sent: ReturnType<typeof request>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('response', resolve)
    sent.on('error', reject)
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces = await response.setEncoding('utf8').toArray()
  return pieces.join('')
}

async function ask(origin: string, what: string): Promise<string> {
  const response = await fetch(`${origin}/v1/models?${what}`)
  return response.text()
}
