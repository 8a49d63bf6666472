/** What the failures of a request mean for its next attempt: budget, and the end of attempts that end engines. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Engine } from '../../../../src/core/engine.ts'
import type { Failure } from '../../../../workers/classify/failure.ts'
import { stalledFailure, transportFailure } from '../../../../workers/classify/observed-failure.ts'
import { statusFailure } from '../../../../workers/classify/reported-failure.ts'
import { engineOf } from '../../../support/engines.ts'
import { BACKOFF_MS, PAIR, setUpRetries } from './retry-setup.ts'

const REFUSED = transportFailure('decode', { kind: 'connect', message: 'refused', isStaleSocket: false })
const TRANSFER = statusFailure('decode', 500, Buffer.from('{"message":"KVTransferError"}'))
const OTHER_PAIR = { prefill: PAIR.prefill, decode: engineOf({ slot: 5 }) }
/** `retry.lossHoldMs`. */
const HOLD_MS = 1000
/** A budget that allows a single retry. */
const SPENT = { budgetPerSec: 0, overBudget: 'fail' } as const

suite('a retry', () => {
  for (const [what, failure] of [
    ['an engine', REFUSED],
    ['a pair', TRANSFER],
  ] as const)
    test(`on a sound pair costs no budget after a failure that is charged to ${what}`, t => {
      const { loop, attempts, latest, pass, choose, soundPairs, handled } = setUpRetries(t, SPENT)
      soundPairs(pair => pair === OTHER_PAIR)
      loop.start()
      choose(() => ({ kind: 'pair', pair: OTHER_PAIR, probes: [] }))
      latest().fail(failure)
      pass(BACKOFF_MS)
      choose(() => ({ kind: 'pair', pair: PAIR, probes: [] }))
      // Charged to the sound pair too: the one retry that the budget allows is still there.
      latest().fail(failure)
      pass(2 * BACKOFF_MS)
      assert.equal(attempts.length, 3)
      assert.deepEqual(handled, [])
    })

  test('on the pair that has just failed costs budget, however sound it seems', t => {
    const { loop, attempts, latest, pass, soundPairs, handled } = setUpRetries(t, SPENT)
    soundPairs(() => true)
    loop.start()
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    latest().fail(REFUSED)
    pass(2 * BACKOFF_MS)
    assert.equal(attempts.length, 2)
    assert.deepEqual(handled, ['error engine-unreachable'])
  })

  test('beyond the budget ends the request with its last failure at once', t => {
    const { loop, latest, pass, handled, log } = setUpRetries(t, SPENT)
    loop.start()
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    latest().fail(statusFailure('decode', 503, Buffer.from('the last failure')))
    pass(2 * BACKOFF_MS)
    assert.deepEqual(handled, ['error engine-error'])
    assert.deepEqual(log, ['retry', 'retry', 'failed'])
  })

  test('that waits for budget goes on as soon as there is a sound pair', t => {
    const { loop, attempts, latest, pass, choose, soundPairs } = setUpRetries(t, { budgetPerSec: 0 })
    loop.start()
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    latest().fail(REFUSED)
    pass(5 * BACKOFF_MS)
    assert.equal(attempts.length, 2)
    choose(() => ({ kind: 'pair', pair: OTHER_PAIR, probes: [] }))
    soundPairs(pair => pair === OTHER_PAIR)
    pass(BACKOFF_MS)
    assert.equal(attempts.length, 3)
  })

  test("after the client's own shortened timer leaves the budget to the others", t => {
    const silence = { leg: 'decode', awaited: 'first token', timeoutMs: 10, isClientTimeout: true } as const
    const { loop, attempts, latest, pass, handled } = setUpRetries(t, SPENT)
    loop.start()
    latest().fail(stalledFailure(silence))
    pass(BACKOFF_MS)
    latest().fail(REFUSED)
    pass(2 * BACKOFF_MS)
    assert.equal(attempts.length, 3)
    assert.deepEqual(handled, [])
  })
})

function isNotOther({ slot }: Engine): boolean {
  return slot !== OTHER_PAIR.decode.slot
}

suite('an engine that answers with Retry-After', () => {
  for (const [status, leg] of [
    [429, 'decode'],
    [503, 'decode'],
    [503, 'prefill'],
  ] as const) {
    const busy = statusFailure(leg, status, Buffer.from('busy'), { retryAfter: '9999' })
    const other =
      leg === 'decode' ? OTHER_PAIR : { prefill: engineOf({ slot: 6, role: 'prefill' }), decode: PAIR.decode }

    test(`is not waited for while another can serve the request: ${leg}, ${status}`, t => {
      const { loop, attempts, latest, pass, choose, soundPairs, avoided, handled } = setUpRetries(t)
      loop.start()
      choose(() => ({ kind: 'pair', pair: other, probes: [] }))
      soundPairs(pair => pair === other)
      latest().fail(busy)
      pass(BACKOFF_MS)
      assert.equal(attempts.length, 2)
      assert.deepEqual(avoided.at(-1), [PAIR[leg].slot])
      assert.deepEqual(handled, [])
    })

    test(`ends the request at once when that is too long and no other is left: ${leg}, ${status}`, t => {
      const { loop, latest, soundPairs, feedback, handled } = setUpRetries(t)
      soundPairs(() => true)
      loop.start()
      latest().fail(busy)
      assert.deepEqual(handled, ['error engine-error'])
      // The probe that came with the look for another pair is given back.
      assert.equal(feedback.at(-1), 'probe neutral 1')
    })
  }

  test('gets a retry only within the budget, although it is sound: it has too much to do as it is', t => {
    const { loop, attempts, latest, pass, soundPairs, handled } = setUpRetries(t, SPENT)
    soundPairs(() => true)
    loop.start()
    for (const started of [2, 2]) {
      latest().fail(statusFailure('decode', 429, Buffer.from('busy'), { retryAfter: '1' }))
      pass(1000)
      assert.equal(attempts.length, started)
    }
    assert.deepEqual(handled, ['error engine-error'])
  })

  test('is waited for when only a pair that is not sound is left', t => {
    const { loop, attempts, latest, pass, choose } = setUpRetries(t)
    loop.start()
    choose(() => ({ kind: 'pair', pair: OTHER_PAIR, probes: [] }))
    latest().fail(statusFailure('decode', 429, Buffer.from('busy'), { retryAfter: '2' }))
    pass(1995)
    assert.equal(attempts.length, 1)
    pass(5)
    assert.equal(attempts.length, 2)
  })

  test('is waited for when the other engines do not have the API of the request', t => {
    const { loop, attempts, latest, pass, choose, soundPairs } = setUpRetries(t, { serves: isNotOther })
    loop.start()
    choose(asked => ({ kind: 'pair', pair: asked === isNotOther ? PAIR : OTHER_PAIR, probes: [] }))
    soundPairs(() => true)
    latest().fail(statusFailure('decode', 429, Buffer.from('busy'), { retryAfter: '2' }))
    pass(1995)
    assert.equal(attempts.length, 1)
    pass(5)
    assert.equal(attempts.length, 2)
  })
})

function reset(isStaleSocket: boolean): Failure {
  return transportFailure('decode', { kind: 'reset', message: 'reset', isStaleSocket, wasSent: true })
}

suite('a request whose connection is reset before an answer', () => {
  for (const isStaleSocket of [false, true])
    test(`is repeated once${isStaleSocket ? ', also when the connection had been used before' : ''}`, t => {
      const { loop, attempts, latest, pass, choose, handled, log } = setUpRetries(t)
      loop.start()
      latest().fail(reset(isStaleSocket))
      choose(() => ({ kind: 'pair', pair: OTHER_PAIR, probes: [] }))
      pass(BACKOFF_MS)
      latest().fail(reset(false))
      pass(HOLD_MS - 5)
      assert.deepEqual(handled, [])
      pass(5)
      assert.equal(attempts.length, 2)
      assert.deepEqual(handled, ['error engine-unreachable'])
      assert.deepEqual(log, ['retry', 'failed'])
    })

  for (const [which, slot] of [
    ['first', PAIR.decode.slot],
    ['second', OTHER_PAIR.decode.slot],
  ] as const)
    test(`is repeated when the ${which} of two engines that were lost answers another one soon after`, t => {
      const { loop, attempts, latest, pass, choose, answers, handled, log } = setUpRetries(t)
      loop.start()
      latest().fail(reset(false))
      choose(() => ({ kind: 'pair', pair: OTHER_PAIR, probes: [] }))
      pass(BACKOFF_MS)
      latest().fail(reset(false))
      pass(HOLD_MS - 100)
      assert.deepEqual(log, ['retry'])
      answers.set(slot, 1)
      pass(100 + 2 * BACKOFF_MS)
      assert.equal(attempts.length, 3)
      assert.deepEqual([log, handled], [['retry', 'retry'], []])
    })

  test('can be aborted while it waits for a sign of life', t => {
    const { loop, attempts, latest, pass, handled, log } = setUpRetries(t)
    loop.start()
    latest().fail(reset(false))
    pass(BACKOFF_MS)
    latest().fail(reset(false))
    pass(50)
    loop.requestAbort()
    assert.deepEqual(handled, ['error engine-error'])
    pass(2 * HOLD_MS)
    assert.equal(attempts.length, 2)
    assert.deepEqual([handled, log], [['error engine-error'], ['retry']])
  })

  test('is left alone when its client leaves while it waits for a sign of life', t => {
    const { loop, attempts, latest, pass, answers, handled } = setUpRetries(t)
    loop.start()
    latest().fail(reset(false))
    pass(BACKOFF_MS)
    latest().fail(reset(false))
    pass(50)
    loop.abort()
    answers.set(PAIR.decode.slot, 1)
    pass(2 * HOLD_MS)
    assert.deepEqual([attempts.length, handled], [2, []])
  })

  test('is repeated as often as others when its first engine has answered another one since', t => {
    const { loop, attempts, latest, pass, answers } = setUpRetries(t)
    loop.start()
    latest().fail(reset(false))
    answers.set(PAIR.decode.slot, 1)
    pass(BACKOFF_MS)
    latest().fail(reset(false))
    pass(2 * BACKOFF_MS)
    assert.equal(attempts.length, 3)
  })

  test('is repeated when it was not sent', t => {
    const { loop, attempts, latest, pass } = setUpRetries(t)
    loop.start()
    for (const delays of [1, 2]) {
      latest().fail(transportFailure('decode', { kind: 'reset', message: 'm', isStaleSocket: false }))
      pass(delays * BACKOFF_MS)
    }
    assert.equal(attempts.length, 3)
  })
})
