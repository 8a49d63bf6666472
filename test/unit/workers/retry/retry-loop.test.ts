import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Failure } from '../../../../workers/classify/failure.ts'
import { stalledFailure, transportFailure } from '../../../../workers/classify/observed-failure.ts'
import { statusFailure } from '../../../../workers/classify/reported-failure.ts'
import {
  BACKOFF_MS,
  fillPair,
  free,
  HEAD,
  LINE_KEY,
  OTHER_PAIR,
  PAIR,
  pairChoice,
  setUpRetries,
} from './retry-setup.ts'

const REFUSED = refusedBy('decode')
const LOST = statusFailure('prefill', 500, Buffer.from('{"message":"KVTransferError"}'))
const HOPELESS = statusFailure('decode', 400, Buffer.from('{"message":"too long"}'))
const STALE = transportFailure('prefill', { kind: 'reset', message: 'm', isStaleSocket: true })
const SHORTAGE = transportFailure('decode', { kind: 'local', message: 'EMFILE', isStaleSocket: false })
/** More than the longest pause after a local shortage. */
const SHORTAGE_MS = 80

function refusedBy(leg: 'prefill' | 'decode'): Failure {
  return transportFailure(leg, { kind: 'connect', message: 'refused', isStaleSocket: false })
}

suite('a request that succeeds', () => {
  test('gets its response, and both engines and their pair count as good', t => {
    const { loop, latest, handled, feedback, metrics } = setUpRetries(t)
    loop.start()
    latest().events.onResponse(HEAD, Buffer.from('x'))
    assert.deepEqual(handled, ['response x'])
    assert.deepEqual(feedback, ['probe good 1', 'good 1', 'good 0', 'pair good'])
    assert.deepEqual(metrics, ['started'])
  })

  test('counts as good at the head of its stream, which is forwarded as it arrives', t => {
    const { loop, latest, handled, feedback } = setUpRetries(t)
    loop.start()
    const { events } = latest()
    events.onHead(HEAD)
    assert.equal(feedback.length, 4)
    events.onData(Buffer.from('a'))
    events.onEnd()
    assert.deepEqual(handled, ['head', 'data a', 'end'])
    assert.equal(feedback.length, 4)
  })

  test('passes pause and resume to its attempt', t => {
    const { loop, latest } = setUpRetries(t)
    loop.start()
    loop.pause()
    loop.resume()
    assert.deepEqual(latest().calls, ['start', 'pause', 'resume'])
  })
})

suite('a failed attempt', () => {
  test('is retried after the backoff, on a new rid', t => {
    const { loop, attempts, latest, pass, handled, metrics, log } = setUpRetries(t)
    loop.start()
    latest().fail(REFUSED)
    pass(BACKOFF_MS - 5)
    assert.equal(attempts.length, 1)
    pass(5)
    assert.equal(attempts.length, 2)
    assert.notEqual(attempts[1]?.plan.rid, attempts[0]?.plan.rid)
    assert.equal(attempts[1]?.plan.freshConnection, false)
    assert.deepEqual(handled, [])
    assert.deepEqual(metrics, ['started', 'failed decode 1', 'retried transport', 'started'])
    assert.deepEqual(log, ['retry'])
  })

  test('waits for the Retry-After of the engine when that is longer than the backoff', t => {
    const { loop, attempts, latest, pass } = setUpRetries(t)
    loop.start()
    latest().fail(statusFailure('decode', 503, Buffer.from('busy'), { retryAfter: '2' }))
    pass(1995)
    assert.equal(attempts.length, 1)
    pass(5)
    assert.equal(attempts.length, 2)
  })

  test('is the result when the retries are spent', t => {
    const { loop, attempts, latest, pass, handled, log } = setUpRetries(t)
    loop.start()
    for (let attempt = 0; attempt < 3; attempt++) {
      latest().fail(REFUSED)
      pass(1000)
    }
    assert.equal(attempts.length, 3)
    assert.deepEqual(handled, ['error engine-unreachable'])
    assert.deepEqual(log, ['retry', 'retry', 'failed'])
  })

  test('is the result at once, and not logged, when the reason lies in the request', t => {
    const { loop, latest, handled, feedback, log } = setUpRetries(t)
    loop.start()
    latest().fail(HOPELESS)
    assert.deepEqual(handled, ['error engine-error'])
    assert.deepEqual(feedback, ['probe neutral 1'])
    assert.deepEqual(log, [])
  })

  test('is the result when the deadline leaves no time for the backoff', t => {
    const { loop, latest, handled } = setUpRetries(t, { deadlineMs: BACKOFF_MS })
    loop.start()
    latest().fail(REFUSED)
    assert.deepEqual(handled, ['error engine-unreachable'])
  })

  test('waits for retry budget after the backoff', t => {
    const { loop, attempts, latest, pass } = setUpRetries(t, { budgetPerSec: 0 })
    loop.start()
    // A budget is never below one retry per window.
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    assert.equal(attempts.length, 2)
    latest().fail(REFUSED)
    pass(5000)
    assert.equal(attempts.length, 2)
    pass(6000)
    assert.equal(attempts.length, 3)
  })
})

suite('a stale socket', () => {
  test('gets one attempt at once, on fresh connections, without budget', t => {
    const { loop, attempts, latest, pass, feedback } = setUpRetries(t, { budgetPerSec: 0 })
    loop.start()
    latest().fail(STALE)
    pass(5)
    assert.deepEqual(
      attempts.map(({ plan }) => plan.freshConnection),
      [false, true],
    )
    assert.deepEqual(feedback, ['probe neutral 1'])
    // The only retry of the budget is still there.
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    assert.equal(attempts.length, 3)
    assert.equal(latest().plan.freshConnection, false)
  })

  test('counts like any other failure the second time', t => {
    const { loop, attempts, latest, pass } = setUpRetries(t)
    loop.start()
    latest().fail(STALE)
    pass(5)
    latest().fail(STALE)
    pass(BACKOFF_MS - 5)
    assert.equal(attempts.length, 2)
    pass(5)
    assert.equal(latest().plan.freshConnection, false)
    assert.equal(attempts.length, 3)
  })
})

test('a local shortage costs neither retries nor budget, and no engine is avoided for it', t => {
  const { loop, attempts, latest, pass, handled, metrics, avoided } = setUpRetries(t, { budgetPerSec: 0 })
  loop.start()
  for (let shortage = 0; shortage < 5; shortage++) {
    latest().fail(SHORTAGE)
    pass(SHORTAGE_MS)
  }
  assert.equal(attempts.length, 6)
  assert.ok(!metrics.includes('retried local'))
  assert.deepEqual(avoided.flat(), [])
  latest().fail(REFUSED)
  pass(BACKOFF_MS)
  assert.equal(attempts.length, 7)
  assert.deepEqual(handled, [])
})

suite('the next attempt avoids', () => {
  for (const [what, failure, expected] of [
    ['the engine that a failure is charged to', REFUSED, [1]],
    ['both engines when the pair is charged', LOST, [0, 1]],
    [
      'nothing when nobody is charged',
      statusFailure('decode', 429, Buffer.from(''), { retryAfter: '0' }),
      [],
    ],
  ] as const)
    test(what, t => {
      const { loop, latest, pass, avoided } = setUpRetries(t)
      loop.start()
      latest().fail(failure)
      pass(BACKOFF_MS)
      assert.deepEqual(avoided, [[], expected])
    })

  test('the engines of all failures before it', t => {
    const { loop, latest, pass, avoided } = setUpRetries(t)
    loop.start()
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    latest().fail(refusedBy('prefill'))
    pass(2 * BACKOFF_MS)
    assert.deepEqual(avoided, [[], [1], [1, 0]])
  })
})

suite('without an engine', () => {
  test('a request waits, and starts when there is one', t => {
    const { loop, attempts, pass, choose, metrics } = setUpRetries(t)
    choose(() => ({ kind: 'none', missing: 'decode' }))
    loop.start()
    pass(200)
    assert.equal(attempts.length, 0)
    choose(pairChoice)
    pass(500)
    assert.equal(attempts.length, 1)
    assert.deepEqual(metrics, ['started'])
  })

  test('a request fails after the configured wait', t => {
    const { loop, pass, choose, handled, metrics, log } = setUpRetries(t)
    choose(() => ({ kind: 'none', missing: 'decode' }))
    loop.start()
    pass(900)
    assert.deepEqual(handled, [])
    pass(200)
    assert.deepEqual(handled, ['error no-engine-available'])
    assert.deepEqual(metrics, ['failed nobody'])
    assert.deepEqual(log, ['failed'])
  })

  test('of a model that it does not name, a request fails at once', t => {
    const { loop, choose, handled, metrics } = setUpRetries(t)
    choose(() => ({ kind: 'unnamed-model', models: ['a', 'b'] }))
    loop.start()
    assert.deepEqual(handled, ['error invalid-request'])
    assert.deepEqual(metrics, [])
  })

  test('that has the model, a request fails at once', t => {
    const { loop, choose, handled, metrics } = setUpRetries(t)
    choose(() => ({ kind: 'unknown-model' }))
    loop.start()
    assert.deepEqual(handled, ['error model-not-found'])
    assert.deepEqual(metrics, [])
  })

  test('that accepts so long a prompt, a request fails at once and gives its probe back', t => {
    const { loop, attempts, handled, feedback } = setUpRetries(t, { body: { input_ids: Array(9).fill(1) } })
    loop.start()
    assert.deepEqual(handled, ['error invalid-request'])
    assert.deepEqual(feedback, ['probe neutral 1'])
    assert.equal(attempts.length, 0)
  })
})

suite('when the engines are full', () => {
  test('a request queues and starts once there is room', t => {
    const { loop, attempts, pass, capacityQueue, choose } = setUpRetries(t)
    choose(() => ({ kind: 'full' }))
    loop.start()
    assert.ok(capacityQueue.hasWaiting(LINE_KEY))
    pass(10)
    assert.equal(attempts.length, 0)
    choose(pairChoice)
    pass(5)
    assert.equal(attempts.length, 1)
    assert.ok(!capacityQueue.hasWaiting(LINE_KEY))
  })

  test('a request starts as soon as another one gives the capacity back', t => {
    const { loop, attempts, pass, capacityQueue, feedback } = setUpRetries(t)
    const held = fillPair(capacityQueue)
    loop.start()
    assert.equal(attempts.length, 0)
    held.pop()?.()
    pass(5)
    assert.equal(attempts.length, 1)
    assert.deepEqual(feedback, [])
  })

  test('a request that finds no free connection queues and gives its probe back', t => {
    const { loop, attempts, pass, capacityQueue, feedback } = setUpRetries(t, { maxLegs: 3 })
    const held = capacityQueue.tryTake(PAIR)
    assert.ok(held)
    loop.start()
    assert.equal(attempts.length, 0)
    assert.deepEqual(feedback, ['probe neutral 1'])
    assert.ok(capacityQueue.hasWaiting(LINE_KEY))
    free(held)
    pass(5)
    assert.equal(attempts.length, 1)
  })

  test('a request that avoids engines queues apart from the first attempts of others', t => {
    const { loop, latest, pass, capacityQueue, choose } = setUpRetries(t)
    loop.start()
    latest().fail(REFUSED)
    choose(() => ({ kind: 'full' }))
    pass(BACKOFF_MS)
    assert.ok(!capacityQueue.hasWaiting(LINE_KEY))
    loop.abort()
  })

  test('a request that is overtaken often enough gets the next room on its pair', t => {
    const { loop, attempts, pass, capacityQueue, latest } = setUpRetries(t)
    const held = fillPair(capacityQueue)
    loop.start()
    pass(10)
    for (let start = 0; start < 32; start++) capacityQueue.noteStart(LINE_KEY.model)
    pass(10)
    held.pop()?.()
    // The room goes to nobody else.
    assert.equal(capacityQueue.tryTake(PAIR), undefined)
    pass(10)
    assert.equal(attempts.length, 1)
    assert.equal(capacityQueue.tryTake(PAIR), undefined)
    loop.abort()
    assert.deepEqual(latest().calls, ['start', 'abort'])
    assert.ok(capacityQueue.hasRoom(PAIR.decode))
    for (const release of held) release()
  })

  test('a request that has claimed room takes other room that comes first, and gives the claim back', t => {
    const { loop, attempts, pass, capacityQueue, choose } = setUpRetries(t)
    const held = fillPair(capacityQueue)
    loop.start()
    for (let start = 0; start < 32; start++) capacityQueue.noteStart(LINE_KEY.model)
    pass(10)
    choose(() => ({ kind: 'pair', pair: OTHER_PAIR, probes: [] }))
    pass(10)
    assert.deepEqual(
      attempts.map(({ plan }) => plan.decode.slot),
      [OTHER_PAIR.decode.slot],
    )
    held.pop()?.()
    assert.ok(capacityQueue.hasRoom(PAIR.decode))
    loop.abort()
    for (const release of held) release()
  })

  test('a request that leaves gives its claim back', t => {
    const { loop, pass, capacityQueue } = setUpRetries(t)
    const held = fillPair(capacityQueue)
    loop.start()
    for (let start = 0; start < 32; start++) capacityQueue.noteStart(LINE_KEY.model)
    pass(10)
    held.pop()?.()
    assert.ok(!capacityQueue.hasRoom(PAIR.decode))
    loop.abort()
    assert.ok(capacityQueue.hasRoom(PAIR.decode))
    for (const release of held) release()
  })

  test('a request stays behind those that queued before it', t => {
    const { loop, attempts, pass, capacityQueue } = setUpRetries(t)
    const first = { owner: 1, isSample: false, tryStart: () => false, reserve: () => undefined }
    capacityQueue.wait(LINE_KEY, first)
    loop.start()
    pass(10)
    assert.equal(attempts.length, 0)
    capacityQueue.leave(LINE_KEY, first)
    pass(5)
    assert.equal(attempts.length, 1)
  })
})

suite('abort', () => {
  test('of a running attempt aborts it and gives its probe back', t => {
    const { loop, latest, feedback, handled } = setUpRetries(t)
    loop.start()
    loop.abort()
    assert.deepEqual(latest().calls, ['start', 'abort'])
    assert.deepEqual(feedback, ['probe neutral 1'])
    assert.deepEqual(handled, [])
  })

  test('during the backoff ends the request', t => {
    const { loop, attempts, latest, pass, handled } = setUpRetries(t)
    loop.start()
    latest().fail(REFUSED)
    loop.abort()
    pass(10 * BACKOFF_MS)
    assert.equal(attempts.length, 1)
    assert.deepEqual(handled, [])
  })

  test('in the queue for budget ends the request', t => {
    const { loop, attempts, latest, pass } = setUpRetries(t, { budgetPerSec: 0 })
    loop.start()
    latest().fail(REFUSED)
    pass(BACKOFF_MS)
    latest().fail(REFUSED)
    pass(1000)
    loop.abort()
    pass(20_000)
    assert.equal(attempts.length, 2)
  })

  test('in the queue for capacity leaves the queue', t => {
    const { loop, attempts, pass, capacityQueue, choose } = setUpRetries(t)
    choose(() => ({ kind: 'full' }))
    loop.start()
    loop.abort()
    assert.ok(!capacityQueue.hasWaiting(LINE_KEY))
    choose(pairChoice)
    pass(100)
    assert.equal(attempts.length, 0)
  })
})

suite('an abort that the client requests', () => {
  test('goes to the engines while an attempt runs, whose response is the response', t => {
    const { loop, latest, handled } = setUpRetries(t)
    loop.start()
    loop.requestAbort()
    assert.deepEqual(latest().calls, ['start', 'requestAbort'])
    latest().events.onResponse(HEAD, Buffer.from('cut'))
    assert.deepEqual(handled, ['response cut'])
  })

  for (const [what, failure] of [
    ['a failure', REFUSED],
    ['a stale socket', STALE],
    ['a local shortage', SHORTAGE],
    ['a silent pair', stalledFailure({ leg: 'decode', awaited: 'data', timeoutMs: 5, isMutual: true })],
  ] as const)
    test(`makes ${what} the result, which is not retried and is charged to nobody`, t => {
      const { loop, attempts, latest, pass, handled, feedback, metrics } = setUpRetries(t)
      loop.start()
      loop.requestAbort()
      latest().fail(failure)
      pass(1000)
      assert.equal(attempts.length, 1)
      assert.deepEqual(handled, [`error ${failure.error.code}`])
      assert.deepEqual(feedback, ['probe neutral 1'])
      assert.deepEqual(metrics, ['started', 'failed nobody'])
    })

  test('charges nobody for a stream that breaks', t => {
    const { loop, latest, handled, feedback } = setUpRetries(t)
    loop.start()
    latest().events.onHead(HEAD)
    const before = feedback.length
    loop.requestAbort()
    latest().events.onStreamError(REFUSED)
    assert.deepEqual(handled, ['head', 'stream error engine-unreachable'])
    assert.deepEqual(feedback.slice(before), [])
  })

  test('ends a request during the backoff with the words of an engine', t => {
    const { loop, attempts, latest, pass, handled } = setUpRetries(t)
    loop.start()
    latest().fail(REFUSED)
    loop.requestAbort()
    assert.deepEqual(handled, ['error engine-error'])
    pass(10 * BACKOFF_MS)
    assert.equal(attempts.length, 1)
  })

  test('ends a request that has not started', t => {
    const { loop, attempts, handled } = setUpRetries(t)
    loop.requestAbort()
    loop.start()
    assert.deepEqual(handled, ['error engine-error'])
    assert.equal(attempts.length, 0)
  })

  test('ends a request in the queue for capacity', t => {
    const { loop, capacityQueue, choose, handled } = setUpRetries(t)
    choose(() => ({ kind: 'full' }))
    loop.start()
    loop.requestAbort()
    assert.deepEqual(handled, ['error engine-error'])
    assert.ok(!capacityQueue.hasWaiting(LINE_KEY))
  })

  test('ends a request that waits for an engine', t => {
    const { loop, pass, choose, handled } = setUpRetries(t)
    choose(() => ({ kind: 'none', missing: 'decode' }))
    loop.start()
    loop.requestAbort()
    pass(2000)
    assert.deepEqual(handled, ['error engine-error'])
  })
})

suite('a stream that breaks after its head', () => {
  test('is not retried, and its failure is charged after the success', t => {
    const { loop, attempts, latest, pass, handled, feedback, log } = setUpRetries(t)
    loop.start()
    latest().events.onHead(HEAD)
    latest().events.onStreamError(REFUSED)
    pass(1000)
    assert.equal(attempts.length, 1)
    assert.deepEqual(handled, ['head', 'stream error engine-unreachable'])
    assert.deepEqual(feedback.slice(4), ['failed 1'])
    assert.deepEqual(log, ['stream broken'])
  })

  test('is charged once when a prompt of its batch has failed before', t => {
    const { loop, latest, handled, feedback, metrics } = setUpRetries(t)
    loop.start()
    const { events } = latest()
    events.onHead(HEAD)
    events.onPromptError(REFUSED)
    events.onStreamError(REFUSED)
    assert.deepEqual(handled, ['head', 'stream error engine-unreachable'])
    assert.deepEqual(feedback.slice(4), ['failed 1'])
    assert.deepEqual(metrics, ['started', 'failed decode 1', 'failed decode 1'])
  })
})
