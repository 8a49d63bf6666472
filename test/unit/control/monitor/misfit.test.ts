import assert from 'node:assert/strict'
import { test } from 'node:test'
import { misfitOf } from '../../../../src/control/monitor/misfit.ts'
import type { Role } from '../../../../src/core/engine.ts'

const CASES: readonly [Role, string | undefined, boolean][] = [
  ['prefill', 'prefill', true],
  ['decode', 'decode', true],
  ['mixed', 'null', true],
  ['prefill', undefined, true],
  ['mixed', 'mixed', true],
  ['prefill', 'decode', false],
  ['decode', 'prefill', false],
  ['mixed', 'prefill', false],
  ['mixed', 'decode', false],
  ['prefill', 'null', false],
  ['decode', 'null', false],
]

for (const [role, mode, fits] of CASES) {
  test(`a process in disaggregation mode ${mode} ${fits ? 'can' : 'cannot'} be a ${role} engine`, () => {
    assert.equal(misfitOf(role, { mode, isGateway: false }) === undefined, fits)
  })
}

test('a gateway can be a mixed engine, but no half of a pair', () => {
  const gateway = { mode: undefined, isGateway: true }
  assert.equal(misfitOf('mixed', gateway), undefined)
  for (const role of ['prefill', 'decode'] as const)
    assert.match(misfitOf(role, gateway) ?? '', /is a gateway/)
})
