/** Most engines of a role fail every request: the others serve as if they were alone. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { FleetOptions } from '../../src/simulator/fleet.ts'
import { openGateway } from '../support/gateway.ts'

const REQUESTS = 300
/** Far below what a single retry that waits for budget takes, far above what a request takes on a busy machine. */
const SLOWEST_MS = 10_000
/** Of one engine until its breaker opens: 10 in a row, requests in flight then, and probes. */
const MAX_ATTEMPTS_ON_SICK = 40

async function ask(origin: string): Promise<{ readonly status: number; readonly ms: number }> {
  const startMs = performance.now()
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"text":"hello","sampling_params":{"max_new_tokens":2}}',
  })
  await response.arrayBuffer()
  return { status: response.status, ms: performance.now() - startMs }
}

suite('when most engines of a role fail every request', () => {
  for (const [what, fleet, sick] of [
    ['two of three decode engines', { prefill: 1, decode: 3 }, ['decode', 0, 1]],
    ['three of four prefill engines', { prefill: 4, decode: 1 }, ['prefill', 0, 1, 2]],
    ['three of four mixed engines', { prefill: 0, decode: 0, mixed: 4 }, ['mixed', 0, 1, 3]],
  ] as const satisfies readonly (readonly [string, FleetOptions, readonly [string, ...number[]]])[])
    test(`${what}, every request is answered soon, with all defaults`, async t => {
      const { origin, fleet: engines } = await openGateway(t, { fleet, config: { server: { workers: 2 } } })
      const [role, ...numbers] = sick
      const broken = engines[role].filter((_, at) => (numbers as readonly number[]).includes(at))
      for (const engine of broken) engine.knobs.errorStatusProb = 1
      const answers: Awaited<ReturnType<typeof ask>>[] = []
      // Ten at a time, more than the budget for retries would let through in the time.
      const client = async (): Promise<void> => {
        while (answers.length < REQUESTS) answers.push(await ask(origin))
      }
      await Promise.all(Array.from({ length: 10 }, client))
      const slowestMs = Math.max(...answers.map(({ ms }) => ms))
      t.diagnostic(`slowest of ${answers.length}: ${slowestMs.toFixed(0)} ms`)
      assert.ok(answers.every(({ status }) => status === 200))
      assert.ok(slowestMs < SLOWEST_MS, `${slowestMs} ms`)
      for (const { counters } of broken)
        assert.ok(counters.received <= MAX_ATTEMPTS_ON_SICK, `${counters.received} attempts on a sick engine`)
    })
})
