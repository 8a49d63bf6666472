/** An engine that fails all the time must not fill the log. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { totalOf } from '../support/metrics.ts'
import { until } from '../support/until.ts'

const REQUESTS = 100
const BURST = 10

test('a failing engine costs a few lines and a summary with counts, not four lines a request', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'pdgw-storm-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { errorStatusProb: 1 } },
    config: {
      log: { dir, burstLines: BURST, summarySecs: 1 },
      retry: { initialBackoffMs: 1, maxBackoffMs: 1, budgetFloorPerSec: 100_000 },
      breaker: { enabled: false },
    },
  })
  await Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const response = await fetch(`${origin}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sim', prompt: 'Once', max_tokens: 2 }),
      })
      assert.equal(response.status, 500)
      await response.arrayBuffer()
    }),
  )
  const lines = (): string[] => readFileSync(join(dir, 'pd-gateway.log'), 'utf8').split('\n')
  const countOf = (message: string): number => {
    const summaries = lines().filter(line => line.includes(`more lines of this kind line=${message} `))
    const counted = summaries.reduce((sum, line) => sum + Number(/ count=(\d+)/.exec(line)?.[1]), 0)
    return counted + lines().filter(line => line.includes(`: ${message} request=`)).length
  }
  // Three for each request, and on a busy machine more: those after a connection that was closed meanwhile are free.
  const retries = (): Promise<number> => totalOf(adminOrigin, 'pdgw_router_retries_total')
  await until(async () => (await retries()) >= 3 * REQUESTS, 'all requests have been retried')
  // Every line is either written or counted.
  await until(
    async () => countOf('retry') === (await retries()) && countOf('failed') === REQUESTS,
    'every line is written or counted',
  )
  const warnings = lines().filter(line => line.includes(' WARN '))
  assert.ok(warnings.length < 100, `${warnings.length} warnings`)
  const [engine] = fleet.decode
  assert.ok(
    warnings.some(line => line.includes(`decode="${engine?.url}=`)),
    warnings.at(-1),
  )
})
