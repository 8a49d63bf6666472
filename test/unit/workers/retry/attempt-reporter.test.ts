import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Engine } from '../../../../src/core/engine.ts'
import { statusFailure } from '../../../../workers/classify/reported-failure.ts'
import { noEngineFailure } from '../../../../workers/classify/request-failure.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import { AttemptReporter } from '../../../../workers/retry/attempt-reporter.ts'
import { AttemptFeedback } from '../../../../workers/selection/feedback.ts'
import type { Pair } from '../../../../workers/selection/pair-selector.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill', url: 'http://prefill' })
const DECODE = engineOf({ slot: 1, url: 'http://decode' })
const PAIR: Pair = { prefill: PREFILL, decode: DECODE, prefillReason: 'cached', decodeReason: 'load' }

function onRank(engine: Engine, number: number): Engine {
  return { ...engine, rank: { number, target: number } }
}

/** `recomputesPrompt`: of the request. `isKnown`: whether the engine is known to report what it had cached. */
function setUpReporter({ recomputesPrompt = false, isKnown = true } = {}) {
  const lines: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  const debugLines: object[] = []
  const counted: string[] = []
  const work: string[] = []
  const reporter = new AttemptReporter(
    {
      label: 'seven',
      endpoint: 'chat',
      fields: { recomputesPrompt },
      prompt: new HashedPrompt(Buffer.alloc(0), { seeds: [], parts: [] }),
    },
    {
      promptWork: {
        hold: () => undefined,
        noteCached: cachedTokens => cachedTokens > 0 || isKnown,
        start: (_, { slot }) => {
          work.push(`on ${slot}`)
          return {
            predictedShare: 0.876,
            end: () => work.push('ended'),
            drop: () => work.push('dropped'),
            report: cachedTokens => work.push(`had ${cachedTokens}`),
          }
        },
      },
      metrics: {
        attemptStarted: (_, cachedShare) => counted.push(`started ${cachedShare}`),
        attemptFailed: ({ cause }, engines) => counted.push(`failed ${cause} ${engines.length}`),
        promptComputed: ({ slot }, { prompt, cached }) => counted.push(`${cached} of ${prompt} on ${slot}`),
        retried: ({ cause }) => counted.push(`retried ${cause}`),
      },
      log: {
        isDebug: true,
        warn: (fields, message) => lines.push({ level: 'warn', message, fields }),
        debug: fields => debugLines.push(fields),
      },
    },
  )
  const start = (pair = PAIR): void => {
    const feedback = new AttemptFeedback(pair, [], {
      breakers: {
        record: () => undefined,
        settle: () => undefined,
        noteAnswer: ({ slot }) => counted.push(`answer of ${slot}`),
      },
      pairHealth: { succeeded: () => undefined, failed: () => undefined },
      nowMs: () => 0,
    })
    reporter.started(pair, feedback)
  }
  return { reporter, start, lines, debugLines, counted, work }
}

suite('AttemptReporter', () => {
  test('keeps the prompt on the engine that computes it, until it has or the attempt ends', () => {
    const failure = statusFailure('prefill', 503, Buffer.from(''))
    for (const [end, ended] of [
      ['succeeded', 'ended'],
      ['abandoned', 'dropped'],
      ['failed', 'dropped'],
    ] as const) {
      const { reporter, start, work } = setUpReporter()
      start()
      assert.deepEqual(work, ['on 0'])
      reporter[end](failure)
      assert.deepEqual(work, ['on 0', ended])
    }
    const { reporter, start, work } = setUpReporter()
    start({ prefill: undefined, decode: DECODE })
    reporter.promptComputed(undefined)
    assert.deepEqual(work, ['on 1', 'ended'])
  })

  test('does not drop a prompt that was computed, nor one twice', () => {
    const failure = statusFailure('decode', 503, Buffer.from(''))
    const { reporter, start, work } = setUpReporter()
    start()
    reporter.promptComputed(undefined)
    reporter.failed(failure)
    start()
    reporter.failed(failure)
    reporter.abandoned()
    assert.deepEqual(work, ['on 0', 'ended', 'on 0', 'dropped'])
  })

  test('logs a retry with its cause, leg, status, pair and delay', () => {
    const { reporter, start, lines, counted } = setUpReporter()
    start()
    const failure = statusFailure('prefill', 503, Buffer.from('x'.repeat(1000)))
    assert.deepEqual(reporter.failed(failure), [PREFILL])
    reporter.retrying(failure, 1, 99.6)
    assert.deepEqual(lines, [
      {
        level: 'warn',
        message: 'retry',
        fields: {
          request: 'seven',
          endpoint: 'chat',
          cause: 'status',
          leg: 'prefill',
          status: 503,
          prefill: 'http://prefill',
          prefillReason: 'cached',
          decode: 'http://decode',
          decodeReason: 'load',
          cachedShare: 0.88,
          retry: 1,
          delayMs: 100,
          error: 'x'.repeat(300),
        },
      },
    ])
    assert.deepEqual(counted, ['started 0.876', 'failed status 1', 'retried status'])
  })

  test('says at debug level where each attempt goes, and why', () => {
    const { start, debugLines } = setUpReporter()
    start()
    assert.deepEqual(debugLines, [
      {
        request: 'seven',
        prefill: 'http://prefill',
        prefillReason: 'cached',
        decode: 'http://decode',
        decodeReason: 'load',
        cachedShare: 0.88,
      },
    ])
  })

  test('names the ranks of engines whose ranks are counted, in every line', () => {
    const { reporter, start, lines, debugLines } = setUpReporter()
    start({ ...PAIR, prefill: onRank(PREFILL, 0), decode: onRank(DECODE, 3) })
    const failure = statusFailure('prefill', 503, Buffer.from(''))
    reporter.retrying(failure, 1, 0)
    reporter.gaveUp(failure, 'retries')
    start({ prefill: undefined, decode: onRank(DECODE, 2) })
    const ranks = [...debugLines, ...lines.map(({ fields }) => fields)].map(line => {
      const { prefillRank, decodeRank } = { prefillRank: undefined, decodeRank: undefined, ...line }
      return [prefillRank, decodeRank]
    })
    assert.deepEqual(ranks, [
      [0, 3],
      [undefined, 2],
      [0, 3],
      [0, 3],
    ])
  })

  test('names no pair when none could be chosen for the last attempt', () => {
    const { reporter, start, lines } = setUpReporter()
    start()
    reporter.unassigned()
    const failure = noEngineFailure('decode')
    assert.deepEqual(reporter.failed(failure), [])
    reporter.gaveUp(failure, 'no-engine')
    const { prefill, decode, cachedShare, because } = {
      prefill: 'none',
      decode: 'none',
      cachedShare: 1,
      because: '',
      ...lines[0]?.fields,
    }
    assert.deepEqual([prefill, decode, cachedShare, because], [undefined, undefined, undefined, 'no-engine'])
  })

  for (const [what, failure, isLogged] of [
    ['an error of the engine', statusFailure('decode', 500, Buffer.from('')), true],
    ['an error of the client', statusFailure('decode', 400, Buffer.from('')), false],
  ] as const)
    test(`${isLogged ? 'logs' : 'does not log'} the end of a request by ${what}`, () => {
      const { reporter, start, lines } = setUpReporter()
      start()
      reporter.gaveUp(failure, 'not-retryable')
      assert.equal(lines.length, isLogged ? 1 : 0)
    })

  test('counts what the engine that computed the prompt had cached, once and if it reports that', () => {
    const { reporter, start, counted } = setUpReporter()
    start()
    reporter.promptComputed(undefined)
    for (const cachedTokens of [64, 65]) reporter.promptComputed({ promptTokens: 90, cachedTokens })
    assert.deepEqual(counted, ['started 0.876', 'answer of 0', '64 of 90 on 0'])
  })

  test('neither counts nor reports what an engine had cached of a prompt that it computed again', () => {
    const { reporter, start, counted, work } = setUpReporter({ recomputesPrompt: true })
    start()
    reporter.promptComputed({ promptTokens: 90, cachedTokens: 0 })
    assert.deepEqual(
      [counted, work],
      [
        ['started 0.876', 'answer of 0'],
        ['on 0', 'ended'],
      ],
    )
  })

  test('neither counts nor reports 0 if the engine may not report what it had cached', () => {
    const { reporter, start, counted, work } = setUpReporter({ isKnown: false })
    for (const cachedTokens of [0, 64]) {
      start()
      reporter.promptComputed({ promptTokens: 90, cachedTokens })
    }
    assert.deepEqual(counted, [
      'started 0.876',
      'answer of 0',
      'started 0.876',
      'answer of 0',
      '64 of 90 on 0',
    ])
    assert.deepEqual(work, ['on 0', 'ended', 'on 0', 'ended', 'had 64'])
  })
})
