import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FleetCheck } from '../../../src/control/fleet-check.ts'
import type { Engine } from '../../../src/core/engine.ts'
import { engineOf } from '../../support/engines.ts'

const LLAMA = engineOf({ slot: 0, role: 'prefill', models: ['llama'] })
const QWEN = engineOf({ slot: 1, role: 'prefill', models: ['qwen'] })
const DECODES = [engineOf({ slot: 2, models: ['llama'] }), engineOf({ slot: 3, models: ['qwen'] })]
const UNKNOWN = engineOf({ slot: 4 })

/** The warnings for these states of the fleet, one after the other. */
function warningsOf(...fleets: readonly (readonly Engine[])[]): string[] {
  const warnings: string[] = []
  const check = new FleetCheck({ warn: fields => void warnings.push(JSON.stringify(fields)) })
  for (const engines of fleets) check.report(engines)
  return warnings
}

test('engines that fit each other are no reason for a warning', () => {
  assert.deepEqual(
    warningsOf([], [LLAMA], [LLAMA, QWEN, ...DECODES], [LLAMA, ...DECODES.slice(0, 1), UNKNOWN]),
    [],
  )
})

test('an engine that can work with none of the other role is reported once', () => {
  const [warning, ...others] = warningsOf([QWEN, ...DECODES.slice(0, 1)], [QWEN, ...DECODES.slice(0, 1)])
  assert.match(warning ?? '', /30001.*no decode engine can work with it \(different models: qwen and llama\)/)
  assert.equal(others.length, 1)
  assert.match(others[0] ?? '', /30002.*no prefill engine can work with it/)
})

test('an engine without known models in a fleet of several is reported, again when it is so again', () => {
  const fleet = [LLAMA, QWEN, ...DECODES]
  const warnings = warningsOf([...fleet, UNKNOWN], fleet, [...fleet, UNKNOWN])
  assert.equal(warnings.length, 2)
  assert.match(warnings[0] ?? '', /30004.*its model is unknown, and the other engines serve several models/)
})
