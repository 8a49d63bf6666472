import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  faultScriptNames,
  parseFaultScript,
  readFaultScript,
} from '../../../../src/simulator/faults/fault-script.ts'

const EXPECTED = [
  'brownout',
  'burst',
  'calm',
  'keepalive-race',
  'normal',
  'rolling-restart',
  'sticky-pair',
  'stressed',
]

test('each script of the project can be read', () => {
  assert.deepEqual(faultScriptNames(), EXPECTED)
  for (const name of EXPECTED) assert.ok(readFaultScript(name).description.length > 0)
})

test('a script changes only the knobs that it names', () => {
  const script = parseFaultScript('{description: x, events: [{do: set, knobs: {pBase: 0.5}}]}', 'mine')
  const [event] = script.events
  assert.ok(event?.do === 'set')
  assert.deepEqual(event.knobs, { pBase: 0.5 })
})

const WRONG: readonly (readonly [what: string, text: string, error: RegExp])[] = [
  ['an unknown knob', '{description: x, knobs: {pBas: 1}}', /script mine.*pBas/s],
  ['a knob out of range', '{description: x, events: [{do: set, knobs: {pBase: 2}}]}', /pBase/],
  ['an unknown action', '{description: x, events: [{do: explode}]}', /do/],
  ['an impossible engine', '{description: x, events: [{do: hang, engines: encode/0}]}', /prefill\/\*/],
  ['an unknown preset', '{description: x, preset: wild}', /preset/],
]

for (const [what, text, error] of WRONG) {
  test(`${what} is rejected with an error that names its position`, () => {
    assert.throws(() => parseFaultScript(text, 'mine'), error)
  })
}

test('the error for an unknown script lists the known ones', () => {
  assert.throws(
    () => readFaultScript('brown'),
    /No such fault script: brown; expected a .yaml file or one of brownout, burst/,
  )
})
