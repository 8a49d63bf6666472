import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Drained, drain } from '../../src/drain.ts'
import { SILENT } from '../support/frontend.ts'

/** `openRequests` says how many requests are open at the nth poll after connections are refused, counted from 0. */
function gatewayWith(openRequests: (poll: number) => number) {
  const calls: string[] = []
  let polls = 0
  const deps: Drained = {
    openRequests: () => openRequests(calls.includes('stopAccepting') ? polls++ : 0),
    refuseReadiness: () => calls.push('refuseReadiness'),
    stopAccepting: () => calls.push('stopAccepting'),
    endAll: ({ code }) => calls.push(`endAll ${code}`),
  }
  return { calls, deps, polls: () => polls }
}

suite('A drain', () => {
  test('fails readiness first, and accepts connections until load balancers have had time to notice', async () => {
    const { calls, deps } = gatewayWith(() => 0)
    const drained = drain(deps, { settleMs: 10, limitMs: 60_000 }, SILENT)
    assert.deepEqual(calls, ['refuseReadiness'])
    await drained
    assert.deepEqual(calls, ['refuseReadiness', 'stopAccepting'])
  })

  test('settles for half of its limit at most', async () => {
    const { calls, deps } = gatewayWith(() => 0)
    await drain(deps, { settleMs: 600_000, limitMs: 10 }, SILENT)
    assert.deepEqual(calls, ['refuseReadiness', 'stopAccepting'])
  })

  test('waits for open requests', async () => {
    const { calls, deps, polls } = gatewayWith(poll => (poll < 3 ? 1 : 0))
    await drain(deps, { settleMs: 0, limitMs: 600_000 }, SILENT)
    assert.ok(polls() > 3)
    assert.deepEqual(calls, ['refuseReadiness', 'stopAccepting'])
  })

  test('ends requests that are open at its limit with an error', async () => {
    const { calls, deps } = gatewayWith(() => 1)
    await drain(deps, { settleMs: 0, limitMs: 0 }, SILENT)
    assert.deepEqual(calls, ['refuseReadiness', 'stopAccepting', 'endAll shutting-down'])
  })
})
