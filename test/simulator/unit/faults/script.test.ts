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

test('these scripts come with the project, and each can be read', () => {
  assert.deepEqual(faultScriptNames(), EXPECTED)
  for (const name of EXPECTED) assert.ok(readFaultScript(name).description.length > 0)
})

test('a script changes the knobs that it names and no others', () => {
  const script = parseFaultScript('{description: x, events: [{do: set, knobs: {pBase: 0.5}}]}', 'mine')
  const [event] = script.events
  assert.ok(event?.do === 'set')
  assert.deepEqual(event.knobs, { pBase: 0.5 })
})

const WRONG: readonly (readonly [what: string, text: string, told: RegExp])[] = [
  ['an unknown knob', '{description: x, knobs: {pBas: 1}}', /script mine.*pBas/s],
  ['a knob out of range', '{description: x, events: [{do: set, knobs: {pBase: 2}}]}', /pBase/],
  ['an unknown action', '{description: x, events: [{do: explode}]}', /do/],
  ['an engine that cannot be', '{description: x, events: [{do: hang, engines: encode/0}]}', /prefill\/\*/],
  ['an unknown preset', '{description: x, preset: wild}', /preset/],
]

for (const [what, text, told] of WRONG) {
  test(`${what} is refused with a word that says where`, () => {
    assert.throws(() => parseFaultScript(text, 'mine'), told)
  })
}

test('a name that is no script is answered with those that are', () => {
  assert.throws(() => readFaultScript('brown'), /No such fault script: brown; expected a .yaml file or one of brownout, burst/)
})
