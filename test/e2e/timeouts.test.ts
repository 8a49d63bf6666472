/** Timeouts that a request sets by headers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway, runningOn } from '../support/gateway.ts'
import { postTo } from '../support/read-body.ts'
import { until } from '../support/until.ts'

/** Delay of the engines' first byte: longer than any timeout below, shorter than the configured ones. */
const SLOW = { slowFirstByteMs: 60_000 }
const NO_RETRY = { retry: { maxRetries: 0 } }

const CASES = [
  ['x-request-timeout-secs', '0.3', 504, 'deadline-exceeded'],
  ['x-first-token-timeout-ms', '300', 504, 'engine-stalled'],
  ['x-request-timeout-secs', 'soon', 400, 'invalid-request'],
] as const

test('a timeout header', async t => {
  const { origin, fleet } = await openGateway(t, { fleet: { prefill: 1, decode: 1 }, config: NO_RETRY })
  for (const engine of [...fleet.prefill, ...fleet.decode]) Object.assign(engine.knobs, SLOW)
  for (const [name, value, status, code] of CASES) {
    // In sequence: each case ends by checking that the engines are idle.
    await t.test(`${name}: ${value} ends the request with ${status}`, async () => {
      const response = await fetch(`${origin}/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [name]: value },
        body: JSON.stringify({ text: 'Slow', stream: true }),
      })
      assert.equal(response.status, status)
      assert.match(await response.text(), new RegExp(`"code":"${code}"`))
      await until(() => runningOn(fleet) === 0)
    })
  }
})

test('a timeout that a client has shortened counts against no engine and no pair', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1 },
    config: { ...NO_RETRY, pairs: { failureThreshold: 1 }, breaker: { failureThreshold: 1 } },
  })
  const ask = async (name: string, stream: boolean): Promise<string> => {
    const headers = { 'content-type': 'application/json', [name]: '30' }
    const body = JSON.stringify({ text: 'Slow', stream })
    return (await (await postTo(`${origin}/generate`, headers, body)).body).text
  }
  for (const engine of [...fleet.prefill, ...fleet.decode]) Object.assign(engine.knobs, SLOW)
  assert.match(await ask('x-first-token-timeout-ms', true), /engine-stalled/)
  assert.match(await ask('x-first-token-timeout-ms', false), /engine-stalled/)
  for (const engine of [...fleet.prefill, ...fleet.decode])
    Object.assign(engine.knobs, { slowFirstByteMs: 0 })
  Object.assign(fleet.decode[0]?.knobs ?? {}, { stallProb: 1, stallMs: 60_000 })
  assert.match(await ask('x-idle-timeout-ms', true), /engine-stalled/)
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  assert.match(metrics, /^pdgw_router_pairs_avoided 0$/m)
  assert.doesNotMatch(metrics, /^pdgw_engine_breaker_state.* [12]$/m)
  assert.match(metrics, /^pdgw_router_attempt_failures_total\{cause="stalled"\} 3$/m)
})

test('a total timeout of the request also applies in the admission queue', async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: SLOW },
    config: { admission: { maxConcurrentRequests: 1 } },
  })
  const leaving = new AbortController()
  const ask = (secs: string): Promise<Response> =>
    fetch(`${origin}/generate`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json', 'x-request-timeout-secs': secs },
      body: JSON.stringify({ text: 'Slow' }),
    })
  const waits = async (count: number): Promise<boolean> =>
    (await (await fetch(`${adminOrigin}/metrics`)).text()).includes(`\npdgw_frontend_queue_length ${count}\n`)
  const first = ask('600')
  await until(async () =>
    (await (await fetch(`${adminOrigin}/metrics`)).text()).includes('_open_exchanges 1'),
  )
  // A timer left behind by this request when its client leaves would keep the process from exiting.
  const patient = ask('600')
  await until(() => waits(1))
  const response = await ask('0.3')
  assert.equal(response.status, 504)
  assert.match(await response.text(), /"code":"deadline-exceeded"/)
  assert.ok(await waits(1))
  leaving.abort()
  await Promise.allSettled([first, patient])
  await until(() => waits(0))
})
