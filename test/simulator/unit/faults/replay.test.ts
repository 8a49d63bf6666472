import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ManualClock } from '../../../../src/simulator/clock/manual-clock.ts'
import { parseFaultScript } from '../../../../src/simulator/faults/fault-script.ts'
import { KnobLayers } from '../../../../src/simulator/faults/knob-layers.ts'
import { FaultReplay } from '../../../../src/simulator/faults/replay.ts'
import { startFleet } from '../../../../src/simulator/fleet.ts'
import { knobsWith } from '../../../../src/simulator/settings/knobs.ts'
import { until } from '../../../support/until.ts'

async function play(t: TestContext, events: string) {
  const clock = new ManualClock()
  const fleet = await startFleet({ prefill: 2, decode: 2 })
  t.after(() => fleet.close())
  const changes: string[] = []
  const script = parseFaultScript(`{description: x, events: [${events}]}`, 'test')
  const replay = new FaultReplay(script, fleet, { clock, onChange: text => changes.push(text) })
  t.after(() => replay.stop())
  return { clock, fleet, replay, changes }
}

test('knobs change at the time of the event, on the selected engines, and are restored', async t => {
  const { clock, fleet, changes } = await play(
    t,
    '{do: set, atSecs: 2, forSecs: 3, engines: decode/1, knobs: {pBase: 0.5}}',
  )
  const values = () => [...fleet.prefill, ...fleet.decode].map(({ knobs }) => knobs.pBase)
  clock.advance(1999)
  assert.deepEqual(values(), [0, 0, 0, 0])
  clock.advance(1)
  assert.deepEqual(values(), [0, 0, 0, 0.5])
  clock.advance(3000)
  assert.deepEqual(values(), [0, 0, 0, 0])
  assert.deepEqual(changes, ['set decode/1 {"pBase":0.5}', 'end of set decode/1'])
})

test('an event with inTurn applies to one engine after another', async t => {
  const { clock, changes } = await play(
    t,
    '{do: set, everySecs: 10, forSecs: 1, engines: prefill/*, inTurn: true, knobs: {pBase: 1}}',
  )
  clock.advance(25_000)
  const begun = changes.filter(text => text.startsWith('set')).map(text => text.split(' ')[1])
  assert.deepEqual(begun, ['prefill/0', 'prefill/1', 'prefill/0'])
})

test('a restarting engine is down for forSecs and returns on its port', async t => {
  const { clock, fleet } = await play(t, '{do: restart, atSecs: 1, forSecs: 5, engines: prefill/0}')
  const [engine] = fleet.prefill
  const port = engine?.port
  clock.advance(1000)
  assert.equal(engine?.health, 'dead')
  clock.advance(5000)
  await until(() => engine?.health === 'up')
  assert.equal(engine?.port, port)
})

test('stopping undoes all changes and prevents further events', async t => {
  const { clock, fleet, replay } = await play(
    t,
    '{do: hang, engines: decode/0}, {do: set, knobs: {pBase: 1}}, {do: stall, atSecs: 9, engines: decode/1}',
  )
  clock.advance(1)
  assert.equal(fleet.decode[0]?.health, 'blackhole')
  await replay.stop()
  clock.advance(20_000)
  assert.deepEqual(
    [...fleet.prefill, ...fleet.decode].map(({ health, knobs }) => [health, knobs.pBase]),
    [
      ['up', 0],
      ['up', 0],
      ['up', 0],
      ['up', 0],
    ],
  )
})

test('a script that refers to a missing engine is rejected at the start', async t => {
  await assert.rejects(play(t, '{do: hang, atSecs: 5, engines: decode/7}'), /No engine matches decode\/7/)
})

test('overlapping changes of knobs are independent, in whatever order they are undone', () => {
  const knobs = knobsWith({ pBase: 0.1 })
  const layers = new KnobLayers(knobs)
  const first = layers.add({ pBase: 0.5, stallMs: 7 })
  const second = layers.add({ pBase: 0.9 })
  assert.deepEqual([knobs.pBase, knobs.stallMs], [0.9, 7])
  first()
  assert.deepEqual([knobs.pBase, knobs.stallMs], [0.9, 0])
  second()
  second()
  assert.equal(knobs.pBase, 0.1)
})
