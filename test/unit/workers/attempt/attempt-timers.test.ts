import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { AttemptTimers } from '../../../../workers/attempt/attempt-timers.ts'

const CONFIG = configSchema.parse({
  timeouts: { firstTokenMs: 1000, idleMs: 500, pingOnlyMs: 1500 },
  upstream: { prefillGraceMs: 200 },
})

function setUpTimers(t: TestContext, requested: { firstTokenMs?: number; idleMs?: number } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  const fired: string[] = []
  const timeouts = { firstTokenMs: 1000, idleMs: 500, totalMs: 60_000, ...requested }
  const timers = new AttemptTimers(
    {
      onTimeout: ({ timer, timeoutMs, isClientTimeout }) =>
        fired.push(`${timer} ${timeoutMs}${isClientTimeout ? ' by client' : ''}`),
      onErrorBodyTimeout: leg => fired.push(`error body of ${leg}`),
    },
    timeouts,
    CONFIG,
  )
  const pass = (ms: number): void => {
    for (let step = 0; step < ms; step++) {
      nowMs++
      t.mock.timers.tick(1)
    }
  }
  return { timers, fired, pass }
}

suite('AttemptTimers', () => {
  test('reports a missing first token once', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startFirstToken()
    pass(999)
    assert.deepEqual(fired, [])
    pass(2000)
    assert.deepEqual(fired, ['first-token 1000'])
  })

  test('reports nothing once the first token timer is stopped', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startFirstToken()
    timers.stopFirstToken()
    pass(2000)
    assert.deepEqual(fired, [])
  })

  test('reports only the grace once decode is complete', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startFirstToken()
    timers.startSilence()
    timers.startGrace()
    pass(2000)
    assert.deepEqual(fired, ['grace 200'])
  })

  test('counts silence from the last data', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startSilence()
    pass(400)
    timers.lastDataMs = performance.now()
    pass(499)
    assert.deepEqual(fired, [])
    pass(1)
    assert.deepEqual(fired, ['silence 500'])
  })

  test('takes comments for progress for a limited time only', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startSilence()
    timers.noteEvents(Buffer.from('data: 1\n\n'))
    for (let count = 0; count < 14; count++) {
      pass(100)
      timers.noteEvents(Buffer.from(': ping\n\n'))
    }
    assert.deepEqual(fired, [])
    pass(100)
    assert.deepEqual(fired, ['silence 500'])
  })

  test('reports a body that stalls', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.renewBody(false)
    pass(500)
    assert.deepEqual(fired, ['body 500'])
  })

  test('sets one timer for all limits, and moves it for nothing that arrives', t => {
    const { timers, fired, pass } = setUpTimers(t)
    const setTimer = t.mock.method(globalThis, 'setTimeout')
    timers.startFirstToken()
    for (let part = 0; part < 3; part++) timers.renewBody(false)
    assert.equal(setTimer.mock.callCount(), 1)
    pass(400)
    timers.renewBody(false)
    timers.stopFirstToken()
    pass(499)
    assert.deepEqual(fired, [])
    assert.equal(setTimer.mock.callCount(), 2, 'once more, when it had fired too early')
    pass(1)
    assert.deepEqual(fired, ['body 500'])
  })

  test('takes blanks of a body for progress for a limited time only', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.renewBody(false)
    for (let count = 0; count < 14; count++) {
      pass(100)
      timers.renewBody(true)
    }
    assert.deepEqual(fired, [])
    pass(100)
    assert.deepEqual(fired, ['body 500'])
  })

  test('a part of a body that is no blank starts that time again', t => {
    const { timers, fired, pass } = setUpTimers(t)
    for (let count = 0; count < 30; count++) {
      timers.renewBody(count % 10 > 0)
      pass(100)
    }
    assert.deepEqual(fired, [])
    pass(400)
    assert.deepEqual(fired, ['body 500'])
  })

  test('stops the body timer', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.renewBody(false)
    timers.stopBody()
    pass(1000)
    assert.deepEqual(fired, [])
  })

  test('bounds the grace by its own setting', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startGrace()
    pass(200)
    assert.deepEqual(fired, ['grace 200'])
  })

  test('gives up on the error body of the first failed leg only', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startErrorBody('prefill')
    timers.startErrorBody('decode')
    pass(100)
    assert.deepEqual(fired, ['error body of prefill'])
  })

  for (const [requested, expected] of [
    [{ firstTokenMs: 10, idleMs: 20 }, ['first-token 10 by client', 'body 20 by client']],
    [{ firstTokenMs: 1001, idleMs: 501 }, ['body 501', 'first-token 1001']],
  ] as const)
    test(`distinguishes a client's timeout of ${requested.idleMs} ms from the configured one`, t => {
      const { timers, fired, pass } = setUpTimers(t, requested)
      timers.startFirstToken()
      timers.renewBody(false)
      pass(1001)
      assert.deepEqual(fired, expected)
    })

  test('stops all timers', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startFirstToken()
    timers.startSilence()
    timers.renewBody(false)
    timers.startGrace()
    timers.startErrorBody('decode')
    timers.stopAll()
    pass(2000)
    assert.deepEqual(fired, [])
  })

  test('sets no timer for what a leg reports after the end', t => {
    const { timers, fired, pass } = setUpTimers(t)
    timers.startFirstToken()
    timers.stopAll()
    timers.renewBody(false)
    timers.startGrace()
    pass(2000)
    assert.deepEqual(fired, [])
  })
})
