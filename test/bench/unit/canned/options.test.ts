/** Tests of bench/canned/options.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCannedOptions } from '../../../../bench/canned/options.ts'

test('a flag wins over the environment, which wins over the default', () => {
  const env = { CANNED_CHUNKS: '11', CANNED_INTERVAL_MS: '5' }
  assert.deepEqual(parseCannedOptions(['--interval-ms', '2'], env), {
    portBase: 0,
    engines: 2,
    chunks: 11,
    intervalMs: 2,
  })
  assert.equal(parseCannedOptions([], {}).chunks, 101)
})

test('a number out of bounds is refused by its name', () => {
  assert.throws(() => parseCannedOptions(['--engines', '0'], {}), /--engines .* from 1 to 64/)
  assert.throws(() => parseCannedOptions(['--chunks', 'x'], {}), /--chunks/)
})
