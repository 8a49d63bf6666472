/** Tests of bench/process/needed-programs.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingPackages } from '../../../../bench/process/needed-programs.ts'

test('what is not on the path is named by the package that brings it', () => {
  assert.deepEqual(missingPackages(['taskset', 'wrk'], ''), ['util-linux', 'wrk'])
})

test('what is on the path is not missing', () => {
  assert.deepEqual(missingPackages(['taskset'], '/nowhere:/usr/bin:/bin'), [])
})
