import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Charge, engineCharge, LOST_PAIR, NOBODY, PAIR } from '../../../../workers/classify/failure.ts'
import { chargedEngines } from '../../../../workers/selection/charged-engines.ts'
import { AttemptFeedback } from '../../../../workers/selection/feedback.ts'
import type { Pair } from '../../../../workers/selection/pair-selector.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill' })
const DECODE = engineOf({ slot: 1 })
const BOTH: Pair = { prefill: PREFILL, decode: DECODE }
const MIXED: Pair = { prefill: undefined, decode: engineOf({ slot: 2, role: 'mixed' }) }
const NOW_MS = 500

/** The feedback of one attempt, which holds a probe for each engine, and what it reports. */
function setUpFeedback(pair: Pair) {
  const reports: string[] = []
  const engines = [pair.prefill, pair.decode].filter(engine => engine !== undefined)
  const probes = engines.map(({ slot }) => ({ slot, untilMs: 1 }))
  const feedback = new AttemptFeedback(pair, probes, {
    breakers: {
      record: ({ slot }, outcome) => reports.push(`${outcome} ${slot}`),
      settle: ({ slot }, outcome) => reports.push(`probe ${outcome} ${slot}`),
      noteAnswer: ({ slot }) => reports.push(`answer ${slot}`),
    },
    pairHealth: {
      succeeded: (prefill, decode) => reports.push(`pair good ${prefill} ${decode}`),
      failed: (prefill, decode, nowMs, isLost) =>
        reports.push(`pair failed ${prefill} ${decode} at ${nowMs}${isLost ? ' lost' : ''}`),
    },
    nowMs: () => NOW_MS,
  })
  const fail = (charge: Charge): void => feedback.failed(charge, chargedEngines(charge, pair))
  return { feedback, fail, reports }
}

suite('chargedEngines', () => {
  const cases: readonly [what: string, charge: Charge, pair: Pair, slots: number[]][] = [
    ['names no engine when nobody is charged', NOBODY, BOTH, []],
    ['names prefill', engineCharge('prefill'), BOTH, [0]],
    ['names decode', engineCharge('decode'), BOTH, [1]],
    ['names both engines of a pair', PAIR, BOTH, [0, 1]],
    ['names a mixed engine as decode', engineCharge('decode'), MIXED, [2]],
    ['names a mixed engine as the whole pair', LOST_PAIR, MIXED, [2]],
    ['names nothing for a leg that the pair does not have', engineCharge('prefill'), MIXED, []],
  ]
  for (const [what, charge, pair, slots] of cases)
    test(what, () =>
      assert.deepEqual(
        chargedEngines(charge, pair).map(({ slot }) => slot),
        slots,
      ),
    )
})

suite('AttemptFeedback', () => {
  test('reports both engines and their pair as good', () => {
    const { feedback, reports } = setUpFeedback(BOTH)
    feedback.succeeded()
    assert.deepEqual(reports, [
      'probe good 0',
      'probe good 1',
      'answer 1',
      'good 1',
      'good 0',
      'pair good 0 1',
    ])
  })

  test('reports a mixed engine as good, and no pair', () => {
    const { feedback, reports } = setUpFeedback(MIXED)
    feedback.succeeded()
    assert.deepEqual(reports, ['probe good 2', 'answer 2', 'good 2'])
  })

  const failures: readonly [what: string, charge: Charge, pair: Pair, expected: string[]][] = [
    [
      'fails only the charged engine and its probe',
      engineCharge('prefill'),
      BOTH,
      ['probe failed 0', 'probe neutral 1', 'failed 0'],
    ],
    [
      'fails the pair without its engines',
      PAIR,
      BOTH,
      ['probe neutral 0', 'probe neutral 1', `pair failed 0 1 at ${NOW_MS}`],
    ],
    [
      'reports a lost pair as lost',
      LOST_PAIR,
      BOTH,
      ['probe neutral 0', 'probe neutral 1', `pair failed 0 1 at ${NOW_MS} lost`],
    ],
    ['fails nothing when nobody is charged', NOBODY, BOTH, ['probe neutral 0', 'probe neutral 1']],
    ['has no pair to fail for a mixed engine', PAIR, MIXED, ['probe neutral 2']],
  ]
  for (const [what, charge, pair, expected] of failures)
    test(what, () => {
      const { fail, reports } = setUpFeedback(pair)
      fail(charge)
      assert.deepEqual(reports, expected)
    })

  test('takes the response of prefill for an answer of prefill only', () => {
    const { feedback, reports } = setUpFeedback(BOTH)
    feedback.prefillAnswered()
    assert.deepEqual(reports, ['answer 0'])
    const mixed = setUpFeedback(MIXED)
    mixed.feedback.prefillAnswered()
    assert.deepEqual(mixed.reports, [])
  })

  test('gives probes back once, whatever follows', () => {
    const { feedback, fail, reports } = setUpFeedback(BOTH)
    feedback.succeeded()
    const before = reports.length
    fail(engineCharge('decode'))
    feedback.abandoned()
    assert.deepEqual(reports.slice(before), ['failed 1'])
  })

  test('gives the probes of an abandoned attempt back without an outcome', () => {
    const { feedback, reports } = setUpFeedback(BOTH)
    feedback.abandoned()
    assert.deepEqual(reports, ['probe neutral 0', 'probe neutral 1'])
  })
})
