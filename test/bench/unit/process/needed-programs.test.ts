import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingPackages } from '../../../../bench/process/needed-programs.ts'

test('a program that is not on the PATH is reported by the name of its package', () => {
  assert.deepEqual(missingPackages(['taskset', 'wrk'], ''), ['util-linux', 'wrk'])
})

test('a program on the PATH is not missing', () => {
  assert.deepEqual(missingPackages(['taskset'], '/nowhere:/usr/bin:/bin'), [])
})
