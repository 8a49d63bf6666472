/** Tests of bench/routers/start/ready.ts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { untilReady } from '../../../../../bench/routers/start/ready.ts'

/** Answers with each status in turn, then with the last one. */
async function targetThatSays(t: TestContext, ...statuses: readonly number[]): Promise<string> {
  let asked = 0
  const server = createServer((_, response) => {
    response.writeHead(statuses[Math.min(asked++, statuses.length - 1)] ?? 200).end('its words')
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has no other kind of address
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a target is ready once it answers a request well', async t => {
  await untilReady(await targetThatSays(t, 503, 400, 200), 20_000)
})

test('one that is not ready in time is quoted', async t => {
  await assert.rejects(untilReady(await targetThatSays(t, 503), 1), /503 its words/)
})

test('one that has ended is not waited for', async t => {
  const url = await targetThatSays(t, 503)
  await assert.rejects(untilReady(url, 20_000, { hasEnded: () => true }), /ended before it was ready/)
})
