import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { readyProbe } from '../../../../../bench/routers/start/ready.ts'
import { Child } from '../../../../../src/process/child-process.ts'

/** Responds with each status in turn, then always with the last one. */
async function serverWithStatuses(t: TestContext, ...statuses: readonly number[]): Promise<string> {
  let requests = 0
  const server = createServer((_, response) => {
    response.writeHead(statuses[Math.min(requests++, statuses.length - 1)] ?? 200).end('its body')
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has no other kind of address
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function sleepingChild(t: TestContext): Child {
  const child = Child.start({ program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] })
  t.after(() => child.stop())
  return child
}

test('a router is ready once it serves a request', async t => {
  const probe = readyProbe(await serverWithStatuses(t, 503, 400, 200))
  await sleepingChild(t).untilReady(probe, 20_000)
})

test('the response of a router that is not ready in time is part of the error', async t => {
  const probe = readyProbe(await serverWithStatuses(t, 503))
  await assert.rejects(sleepingChild(t).untilReady(probe, 1), /was not ready within .*503 its body/)
})

test('a router that has ended is not waited for', async t => {
  const probe = readyProbe(await serverWithStatuses(t, 503))
  const child = sleepingChild(t)
  await child.stop()
  await assert.rejects(child.untilReady(probe, 20_000), /ended before it was ready: SIGKILL/)
})
