/** Checks before a load: open files, source addresses, and the share of each process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concurrencyOf } from '../../../../../bench/load/arrivals/share.ts'
import { sourceAddresses } from '../../../../../bench/load/connections/source-addresses.ts'
import { addressOf } from '../../../../../bench/load/connections/target-address.ts'
import { checkDescriptors } from '../../../../../bench/load/plan/descriptors.ts'
import { type PlanInput, planSchema } from '../../../../../bench/load/plan/plan.ts'

function planOf(concurrency: number, change: Partial<PlanInput> = {}) {
  return planSchema.parse({
    url: 'http://127.0.0.1:1',
    requests: 100_000,
    arrivals: { kind: 'closed', concurrency },
    dataset: { kind: 'prompts', prompts: ['x'], minTokens: 1, maxTokens: 1 },
    ...change,
  })
}

test('too few open files are reported before the run, with what to change', () => {
  assert.doesNotThrow(() => checkDescriptors(planOf(900), 1024))
  assert.throws(
    () => checkDescriptors(planOf(2000), 1024),
    /needs 2064 .* the limit is 1024: .*ulimit -n 2064.*--processes 3/,
  )
  assert.doesNotThrow(() => checkDescriptors(planOf(2000, { processes: 3 }), 1024))
})

test('many connections use several source addresses, all different', () => {
  assert.deepEqual(sourceAddresses(planOf(10_000)), [])
  const many = sourceAddresses(planOf(100, { connection: 'per-request' }))
  assert.equal(new Set(many).size, 8)
  for (const address of many) assert.match(address, /^127\.0\.\d+\.\d+$/)
  assert.deepEqual(sourceAddresses(planOf(100, { connection: 'per-request', url: 'http://10.0.0.1:1' })), [])
})

test('the shares of the concurrency add up, and each process has at least one', () => {
  assert.deepEqual(shares(10), [4, 3, 3])
  assert.deepEqual(shares(1), [1, 1, 1])
})

function shares(concurrency: number): number[] {
  return [0, 1, 2].map(process => concurrencyOf(planOf(concurrency), { process, processes: 3 }))
}

for (const [url, host, port, hostHeader, prefix] of [
  ['http://10.0.0.1:30000', '10.0.0.1', 30_000, '10.0.0.1:30000', ''],
  ['http://gateway/', 'gateway', 80, 'gateway', ''],
  ['http://[::1]:8000', '::1', 8000, '[::1]:8000', ''],
  ['http://10.0.0.1:1/team/llm//', '10.0.0.1', 1, '10.0.0.1:1', '/team/llm'],
] as const) {
  test(`${url} is split into the parts that sockets and requests need`, () => {
    assert.deepEqual(addressOf(url), { host, port, hostHeader, prefix })
  })
}
