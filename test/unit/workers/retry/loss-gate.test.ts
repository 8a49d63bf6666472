import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { LossGate } from '../../../../workers/retry/loss-gate.ts'

const HOLD_MS = 200

suite('LossGate', () => {
  test('lets one part through and resumes the others when that one has settled', () => {
    const gate = new LossGate<string>(HOLD_MS)
    const resumed: string[] = []
    const admit = (part: string): boolean => gate.admit(part, () => resumed.push(part))
    assert.deepEqual([admit('a'), admit('b'), admit('c'), admit('a')], [true, false, false, true])
    gate.leave('c')
    assert.deepEqual([gate.isHolding('b'), gate.isHolding('c')], [true, false])
    gate.settle('b')
    assert.deepEqual(resumed, [])
    gate.settle('a')
    assert.deepEqual(resumed, ['b'])
    assert.equal(admit('c'), true, 'the next loss is a new one')
    gate.close()
  })

  test('resumes no part that another one has ended when it was resumed', () => {
    const gate = new LossGate<string>(HOLD_MS)
    const resumed: string[] = []
    gate.admit('a', () => undefined)
    gate.admit('b', () => {
      resumed.push('b')
      gate.leave('c')
    })
    gate.admit('c', () => resumed.push('c'))
    gate.settle('a')
    assert.deepEqual(resumed, ['b'])
  })

  test('resumes the others after a while, if the first part runs for long', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const gate = new LossGate<string>(HOLD_MS)
    const resumed: string[] = []
    gate.admit('a', () => undefined)
    gate.admit('b', () => resumed.push('b'))
    t.mock.timers.tick(HOLD_MS - 1)
    assert.deepEqual(resumed, [])
    t.mock.timers.tick(1)
    assert.deepEqual(resumed, ['b'])
  })

  test('holds the others for as long as it takes to decide on another loss of the first part', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const gate = new LossGate<string>(HOLD_MS)
    const resumed: string[] = []
    gate.admit('a', () => undefined)
    gate.admit('b', () => resumed.push('b'))
    gate.suspend('b')
    gate.suspend('a')
    t.mock.timers.tick(5 * HOLD_MS)
    assert.deepEqual(resumed, [])
    assert.equal(
      gate.admit('a', () => undefined),
      true,
    )
    t.mock.timers.tick(HOLD_MS - 1)
    assert.deepEqual(resumed, [])
    t.mock.timers.tick(1)
    assert.deepEqual(resumed, ['b'])
  })

  test('resumes nobody once it is closed', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const gate = new LossGate<string>(HOLD_MS)
    gate.admit('a', () => undefined)
    gate.admit('b', () => assert.fail('resumed'))
    gate.close()
    t.mock.timers.tick(5 * HOLD_MS)
    gate.settle('a')
    assert.equal(gate.isHolding('b'), false)
  })
})
