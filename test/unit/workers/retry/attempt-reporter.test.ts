import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { statusFailure } from '../../../../workers/classify/reported-failure.ts'
import { noEngineFailure } from '../../../../workers/classify/request-failure.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import { AttemptReporter } from '../../../../workers/retry/attempt-reporter.ts'
import { AttemptFeedback } from '../../../../workers/selection/feedback.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill', url: 'http://prefill' })
const DECODE = engineOf({ slot: 1, url: 'http://decode' })
const PAIR = { prefill: PREFILL, decode: DECODE }

function setUpReporter() {
  const lines: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  const counted: string[] = []
  const reporter = new AttemptReporter(
    {
      label: 'seven',
      endpoint: 'chat',
      prompt: new HashedPrompt(Buffer.alloc(0), { seeds: [], parts: [] }),
    },
    {
      promptCaches: { start: () => undefined },
      metrics: {
        attemptStarted: () => counted.push('started'),
        attemptFailed: ({ cause }, engines) => counted.push(`failed ${cause} ${engines.length}`),
        promptComputed: ({ slot }, { prompt, cached }) => counted.push(`${cached} of ${prompt} on ${slot}`),
        retried: ({ cause }) => counted.push(`retried ${cause}`),
      },
      log: {
        warn: (fields, message) => lines.push({ level: 'warn', message, fields }),
        debug: (fields, message) => lines.push({ level: 'debug', message, fields }),
      },
    },
  )
  const start = (): void => {
    const feedback = new AttemptFeedback(PAIR, [], {
      breakers: { record: () => undefined, settle: () => undefined },
      pairHealth: { succeeded: () => undefined, failed: () => undefined },
      nowMs: () => 0,
    })
    reporter.started(PAIR, feedback)
  }
  return { reporter, start, lines, counted }
}

suite('AttemptReporter', () => {
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
          decode: 'http://decode',
          retry: 1,
          delayMs: 100,
          error: 'x'.repeat(300),
        },
      },
    ])
    assert.deepEqual(counted, ['started', 'failed status 1', 'retried status'])
  })

  test('names no pair when none could be chosen for the last attempt', () => {
    const { reporter, start, lines } = setUpReporter()
    start()
    reporter.unassigned()
    const failure = noEngineFailure('decode')
    assert.deepEqual(reporter.failed(failure), [])
    reporter.gaveUp(failure, 'no-engine')
    const { prefill, decode, because } = { prefill: 'none', decode: 'none', because: '', ...lines[0]?.fields }
    assert.deepEqual([prefill, decode, because], [undefined, undefined, 'no-engine'])
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
    assert.deepEqual(counted, ['started', '64 of 90 on 0'])
  })
})
