import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../src/config/config.ts'
import { shareDescriptors } from '../../../src/process/descriptor-budget.ts'
import { DescriptorCheck } from '../../../src/process/descriptor-check.ts'
import { engineOf } from '../../support/engines.ts'

/** As many engines of each role, each of which runs `maxRunning` requests. */
function pairs(count: number, maxRunning?: number) {
  return Array.from({ length: 2 * count }, (_, slot) =>
    engineOf({ slot, role: slot < count ? 'prefill' : 'decode', maxRunning }),
  )
}

function checkWith(limit: number, input: ConfigInput = {}) {
  const config = configSchema.parse({ engines: { mode: 'pd' }, ...input })
  const { queueSize } = config.admission
  const { maxSockets } = config.upstream
  const budget = shareDescriptors({ limit, socketsPerRequest: 2, queueSize, maxSockets, threads: 1 })
  const warnings: string[] = []
  const log = { warn: (_fields: object, text: string) => void warnings.push(text) }
  return { check: new DescriptorCheck({ config, budget, limit, log }), warnings }
}

suite('File descriptors', () => {
  test('are no reason for a warning if they suffice for what the engines can run', () => {
    const { check, warnings } = checkWith(20_000)
    check.report(pairs(2, 256))
    check.report([])
    assert.deepEqual(warnings, [])
  })

  test('that do not suffice for it are warned of, with the limit that would', () => {
    const { check, warnings } = checkWith(1024)
    check.report(pairs(2, 256))
    const needed = 80 + 16_384 + 3 * 512
    assert.deepEqual(warnings, [
      `the file descriptors suffice for 118 running requests, but the engines can run 512: set ulimit -n (LimitNOFILE) to ${needed}`,
    ])
    const { check: raised, warnings: none } = checkWith(needed)
    raised.report(pairs(2, 256))
    assert.deepEqual(none, [])
  })

  test('are warned of again only when more are needed', () => {
    const { check, warnings } = checkWith(1024)
    for (const count of [2, 2, 1, 3]) check.report(pairs(count, 256))
    assert.equal(warnings.length, 2)
    assert.match(warnings[1] ?? '', /can run 768/)
  })

  test('are compared with the size of the queue if the engines report no limit', () => {
    const { check, warnings } = checkWith(20_000)
    check.report(pairs(1))
    assert.match(warnings[0] ?? '', /can run 16384/)
  })

  test('are no reason for a warning if fewer running requests or connections are configured', () => {
    for (const [limit, input] of [
      [1024, { admission: { maxConcurrentRequests: 100 } }],
      [65_536, { upstream: { maxSockets: 100 } }],
      [Infinity, {}],
    ] as const) {
      const { check, warnings } = checkWith(limit, input)
      check.report(pairs(2, 256))
      assert.deepEqual(warnings, [])
    }
  })
})
