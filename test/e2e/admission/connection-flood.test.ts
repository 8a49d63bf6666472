/** More connections than the process has file descriptors for, and descriptors that run out all the same. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { test } from 'node:test'
import { openFleet } from '../../support/gateway.ts'
import { engineFlags, PROGRAM, type Program, startProgram } from '../../support/program.ts'
import { openRaw } from '../../support/raw-connection.ts'
import { until } from '../../support/until.ts'

const LIMIT = 256
const FLAGS = ['serve', '--workers', '1', '--log-level', 'info']
const BODY = '{"text":"Once","sampling_params":{"max_new_tokens":4}}'
const GENERATE = `POST /generate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`

function limited(limit: number): string[] {
  return ['prlimit', `--nofile=${limit}:${limit}`, ...PROGRAM]
}

/** The soft limit, within that of the start. */
function setLimit({ child }: Program, limit: number): void {
  execFileSync('prlimit', ['--pid', String(child.pid), `--nofile=${limit}:`])
}

function openFiles({ child }: Program): number {
  return readdirSync(`/proc/${child.pid}/fd`).length
}

/** The status of a response on a connection of its own. */
function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false }, response => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    call.on('error', reject).end()
  })
}

test(`with ${LIMIT} descriptors and twice as many idle connections to each listener, requests and probes are served`, async t => {
  const fleet = await openFleet(t, { prefill: 1, decode: 1 })
  const program = await startProgram(t, limited(LIMIT), [...FLAGS, ...engineFlags(fleet)])
  const adminOrigin = `http://127.0.0.1:${program.adminPort}`
  const kept = await openRaw(t, program.origin)
  for (const origin of [program.origin, adminOrigin]) {
    for (let opened = 0; opened < 2 * LIMIT; opened += 32) {
      await Promise.all(Array.from({ length: 32 }, () => openRaw(t, origin)))
      const honest = await openRaw(t, program.origin)
      honest.write(GENERATE)
      await honest.untilReceived('"meta_info"')
      assert.equal(await statusOf(`${adminOrigin}/liveness`), 200)
      assert.ok(openFiles(program) < LIMIT)
    }
  }
  assert.equal(kept.isClosed(), true)
  for (const whose of ['client', 'admin']) {
    const warnings = program.lines.filter(line => line.includes(`as many ${whose} connections as allowed`))
    assert.equal(warnings.length, 1, program.lines.join('\n'))
  }
  for (const engine of [...fleet.prefill, ...fleet.decode]) assert.equal(engine.counters.failed, 0)
})

test('when descriptors run out, open connections go on, and what came meanwhile is served once there are some', async t => {
  const fleet = await openFleet(t, { prefill: 1, decode: 1 })
  const program = await startProgram(t, limited(LIMIT), [...FLAGS, ...engineFlags(fleet)])
  const known = await openRaw(t, program.origin)
  known.write(GENERATE)
  await known.untilReceived('"meta_info"')
  // As many as are open, so that no further one can be opened: neither for clients nor for engines.
  setLimit(program, openFiles(program))
  known.write(GENERATE)
  const fresh = await Promise.all(Array.from({ length: 8 }, () => openRaw(t, program.origin)))
  for (const client of fresh) client.write(GENERATE)
  await until(() => known.received().split('"meta_info"').length === 3, 'the open connection is served')
  // A descriptor or two may have become free meanwhile.
  assert.ok(fresh.some(client => client.received() === ''))
  setLimit(program, LIMIT)
  for (const client of fresh) await client.untilReceived('"meta_info"')
  assert.ok(fresh.every(client => client.received().startsWith('HTTP/1.1 200 ')))
  assert.equal(await statusOf(`${program.origin}/readiness`), 200)
  for (const engine of [...fleet.prefill, ...fleet.decode]) assert.equal(engine.counters.failed, 0)
})
