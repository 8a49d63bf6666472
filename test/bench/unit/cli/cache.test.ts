import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { chooserOf } from '../../../../bench/cache/choosers.ts'
import {
  DEFAULT_CHOOSERS,
  EXTRA_NAMES,
  OTHER_CHOOSERS,
  WORKLOAD_NAMES,
} from '../../../../bench/cache/names.ts'
import type { CacheOptions } from '../../../../bench/cache/run-cache.ts'
import { workloads } from '../../../../bench/cache/workloads.ts'
import { addCacheCommand } from '../../../../bench/cli/cache.ts'

async function parse(...args: string[]): Promise<CacheOptions> {
  const bench = new Command('bench')
  const parsed: CacheOptions[] = []
  addCacheCommand(bench, options => Promise.resolve(void parsed.push(options)))
  await bench.parseAsync(['cache', ...args], { from: 'user' })
  const [options] = parsed
  assert.ok(options)
  return options
}

test('all workloads and checks run by default, with the choosers that are compared', async () => {
  assert.deepEqual(await parse(), {
    workloads: WORKLOAD_NAMES,
    extras: EXTRA_NAMES,
    choosers: DEFAULT_CHOOSERS,
    rounds: 1,
    isQuick: false,
    format: 'text',
    check: false,
    write: undefined,
  })
})

test('--only names workloads, checks and choosers, and does not restrict a kind that it does not name', async () => {
  const some = await parse('--only', 'index,zipf', '--only', 'random,ideal')
  assert.deepEqual([some.workloads, some.extras, some.choosers], [['zipf'], ['index'], ['ideal', 'random']])
  const loadsAlone = await parse('--only', 'changes')
  assert.deepEqual([loadsAlone.workloads, loadsAlone.extras], [[], ['changes']])
  assert.deepEqual(loadsAlone.choosers, DEFAULT_CHOOSERS)
})

test('every name stands for a workload or a chooser', () => {
  assert.deepEqual(
    workloads(false).map(({ name }) => name),
    WORKLOAD_NAMES,
  )
  const choosers = [...DEFAULT_CHOOSERS, ...OTHER_CHOOSERS].map(chooserOf)
  assert.deepEqual(
    choosers.map(({ name }) => name),
    [...DEFAULT_CHOOSERS, ...OTHER_CHOOSERS],
  )
  const own = choosers.filter(({ router, policy }) => router?.name === 'gateway' && policy === 'cache_aware')
  assert.deepEqual(
    own.map(({ name, threads, count }) => [name, threads, count]),
    [
      ['gateway', 1, 1],
      ['gateway-2-threads', 2, 1],
      ['two-gateways', 1, 2],
    ],
  )
})
