import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../src/core/engine.ts'
import { servingTest } from '../../../src/eligibility/api-support.ts'
import { engineOf } from '../../support/engines.ts'

const RUST = engineOf({ frontend: 'rust' })

function ofVersion(version: string | undefined, role: Engine['role'] = 'decode'): Engine {
  return engineOf({ role, ...(version !== undefined && { version }) })
}

for (const endpoint of ['chat', 'completions', 'models'] as const)
  test(`every engine serves ${endpoint}`, () => assert.equal(servingTest(endpoint), undefined))

test('every engine but vLLM serves generate', () => {
  assert.equal(servingTest('generate')?.(RUST), true)
  assert.equal(servingTest('generate')?.(engineOf({ isVllm: true })), false)
})

for (const endpoint of ['responses', 'messages', 'count-tokens'] as const)
  test(`SGLang's server in Rust does not serve ${endpoint}`, () =>
    assert.equal(servingTest(endpoint)?.(RUST), false))

for (const [version, isServed] of [
  ['0.5.22', false],
  ['0.4.9.post3', false],
  ['0.5', false],
  ['v0.5.23', true],
  ['0.5.23.post1', true],
  ['0.5.24', true],
  ['0.6.0', true],
  ['1.0', true],
  ['main-2f3a', true],
  [undefined, true],
] as const)
  test(`an engine of a pair ${isServed ? 'may serve' : 'does not serve'} responses in version ${version}`, () =>
    assert.equal(servingTest('responses')?.(ofVersion(version)), isServed))

test('a mixed engine needs no bootstrap fields, so its version does not matter', () => {
  assert.equal(servingTest('messages')?.(ofVersion('0.5.10', 'mixed')), true)
})

test('an engine of any version counts tokens', () => {
  assert.equal(servingTest('count-tokens')?.(ofVersion('0.5.10')), true)
})
