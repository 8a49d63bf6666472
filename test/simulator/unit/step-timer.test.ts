import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import { StepTimer } from '../../../src/simulator/scheduler/step-timer.ts'
import { type Knobs, knobsWith } from '../../../src/simulator/settings/knobs.ts'

const STEP_MS = 20

/** A loop that always has a next step. `ran` has the time of each step, and whether the next one was due by then. */
function loopWith(changes: Partial<Knobs>) {
  const clock = new ManualClock()
  const knobs = knobsWith({ jitter: 0, ...changes })
  const host = { knobs, clock, random: () => 0.5 }
  const ran: [ms: number, isOvertaken: boolean][] = []
  const steps: StepTimer = new StepTimer(host, () => {
    ran.push([clock.now(), steps.isNextStepDue(STEP_MS)])
    steps.arm(STEP_MS)
  })
  steps.arm(STEP_MS)
  return { clock, steps, ran }
}

describe('steps of a simulated engine', () => {
  test('run at their own pace, each in its own turn', () => {
    const { clock, ran } = loopWith({ catchUpMs: 50 })
    clock.advance(3 * STEP_MS)
    assert.deepEqual(ran, [
      [20, false],
      [40, false],
      [60, false],
    ])
  })

  test('delayed by a busy thread are made up for at once, and all but the last have the next one due', () => {
    const { clock, ran } = loopWith({ catchUpMs: 50 })
    clock.block(89)
    clock.advance(0)
    assert.deepEqual(ran, [
      [89, true],
      [89, true],
      [89, true],
      [89, false],
    ])
    clock.advance(11)
    assert.deepEqual(ran.at(-1), [100, false])
  })

  test('that are slightly late run one by one and keep the pace', () => {
    const { clock, ran } = loopWith({ catchUpMs: 50 })
    clock.block(65)
    clock.advance(15)
    assert.deepEqual(ran, [
      [65, false],
      [65, false],
      [65, false],
      [80, false],
    ])
  })

  test('are not made up for after the machine was suspended for a second', () => {
    const { clock, ran } = loopWith({ catchUpMs: 50 })
    clock.block(1020)
    clock.advance(STEP_MS)
    assert.deepEqual(ran, [
      [1020, false],
      [1040, false],
    ])
  })

  test('are never made up for when the knob is 0', () => {
    const { clock, ran } = loopWith({ catchUpMs: 0 })
    clock.block(89)
    clock.advance(STEP_MS)
    assert.deepEqual(ran, [
      [89, false],
      [109, false],
    ])
  })

  test('of an idle loop are timed from its restart', () => {
    const { clock, steps, ran } = loopWith({ catchUpMs: 50 })
    steps.stop()
    clock.block(30)
    steps.arm(STEP_MS)
    clock.advance(STEP_MS)
    assert.deepEqual(ran, [[50, false]])
  })

  test('delayed by a pause are not made up for', () => {
    const { clock, steps, ran } = loopWith({ catchUpMs: 50 })
    steps.pause()
    clock.advance(200)
    steps.resume()
    clock.advance(STEP_MS)
    assert.deepEqual(ran, [
      [200, false],
      [220, false],
    ])
  })
})
