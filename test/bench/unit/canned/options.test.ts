import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCannedOptions } from '../../../../bench/canned/options.ts'

test('a flag overrides its default', () => {
  const defaults = { portBase: 0, engines: 2, chunks: 101, intervalMs: 20 }
  assert.deepEqual(parseCannedOptions([]), defaults)
  assert.deepEqual(parseCannedOptions(['--interval-ms', '2']), { ...defaults, intervalMs: 2 })
})

test('the error for a number out of bounds names the flag', () => {
  assert.throws(() => parseCannedOptions(['--engines', '0']), /--engines .* from 1 to 64/)
  assert.throws(() => parseCannedOptions(['--chunks', 'x']), /--chunks/)
})
