import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knobsWith } from '../../../src/simulator/settings/knobs.ts'

test('the error for invalid knobs names each of them', () => {
  assert.throws(() => knobsWith({ foo: 1, pBase: 2 }), {
    name: 'Error',
    message: /"foo"[\s\S]*pBase|pBase[\s\S]*"foo"/,
  })
})
