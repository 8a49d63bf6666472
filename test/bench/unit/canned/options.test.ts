import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCannedOptions } from '../../../../bench/canned/options.ts'

test('a flag overrides the environment, which overrides the default', () => {
  const env = { CANNED_CHUNKS: '11', CANNED_INTERVAL_MS: '5' }
  assert.deepEqual(parseCannedOptions(['--interval-ms', '2'], env), {
    portBase: 0,
    engines: 2,
    chunks: 11,
    intervalMs: 2,
  })
  assert.equal(parseCannedOptions([], {}).chunks, 101)
})

test('the error for a number out of bounds names the flag', () => {
  assert.throws(() => parseCannedOptions(['--engines', '0'], {}), /--engines .* from 1 to 64/)
  assert.throws(() => parseCannedOptions(['--chunks', 'x'], {}), /--chunks/)
})
