import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { admissible, type Standing } from '../../../src/resilience/admissible.ts'

interface Case {
  /** The engines are numbered from 0 in this order. */
  readonly standings: readonly Standing[]
  readonly full?: readonly number[]
  readonly proven?: readonly number[]
  readonly isRetry?: boolean
  readonly maxEjectedShare?: number
}

/** Numbers of the engines that the request may go to, and whether they are probed early. */
function admissibleIn({ standings, full = [], proven = [], isRetry = false, maxEjectedShare = 0 }: Case) {
  const { engines, probesEarly } = admissible(
    standings.map((_, at) => at),
    {
      standingOf: at => standings[at] ?? 'open',
      isProven: at => proven.includes(at),
      hasRoom: at => !full.includes(at),
    },
    { isRetry, maxEjectedShare },
  )
  return probesEarly ? `${engines.join()} early` : engines.join()
}

suite('a request may go to', () => {
  const cases: readonly [what: string, given: Case, expected: string][] = [
    ['every engine while no breaker is open', { standings: ['closed', 'closed'] }, '0,1'],
    [
      'the only sound engine, however many are broken',
      { standings: ['open', 'early', 'closed', 'open'] },
      '2',
    ],
    ['an engine whose time of exclusion is over', { standings: ['probe', 'closed', 'open'] }, '0,1'],
    [
      'an early probe while the sound engines are full',
      { standings: ['closed', 'early', 'open'], full: [0] },
      '1 early',
    ],
    [
      'a full sound engine, where it waits, while no early probe is due',
      { standings: ['closed', 'open'], full: [0] },
      '0',
    ],
    ['no early probe that has no room either', { standings: ['closed', 'early'], full: [0, 1] }, '0'],
    [
      'no early probe while no more are excluded than may be',
      { standings: ['closed', 'early'], full: [0], maxEjectedShare: 0.5 },
      '0',
    ],
    [
      'an early probe when more are excluded than may be',
      { standings: ['closed', 'early', 'open'], full: [0], maxEjectedShare: 0.5 },
      '1 early',
    ],
    ['all engines when none is sound', { standings: ['open', 'early', 'open'] }, '0,1,2'],
    [
      'the engine whose last request went well when none is sound, and to early probes',
      { standings: ['open', 'early', 'open'], proven: [0] },
      '0,1 early',
    ],
    [
      'all engines when none is sound and the one that works is full',
      { standings: ['open', 'open', 'open'], proven: [0], full: [0] },
      '0,1,2',
    ],
  ]
  for (const [what, given, expected] of cases) test(what, () => assert.equal(admissibleIn(given), expected))
})

suite('a retry may go to', () => {
  const cases: readonly [what: string, given: Case, expected: string][] = [
    ['sound engines only, not to a probe', { standings: ['probe', 'closed', 'early'] }, '1'],
    ['a full sound engine, where it waits', { standings: ['early', 'closed'], full: [1] }, '1'],
    ['a probe when no engine is sound', { standings: ['probe', 'open'], full: [0] }, '0'],
    ['all engines when none is left', { standings: ['open', 'open'] }, '0,1'],
  ]
  for (const [what, given, expected] of cases)
    test(what, () => assert.equal(admissibleIn({ ...given, isRetry: true }), expected))
})

test('a request always has somewhere to go, and never to a broken engine while a sound one has room', () => {
  const engine = fc.record({
    standing: fc.constantFrom<Standing>('closed', 'probe', 'early', 'open'),
    isProven: fc.boolean(),
    hasRoom: fc.boolean(),
  })
  const terms = fc.record({
    isRetry: fc.boolean(),
    maxEjectedShare: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(engine, { minLength: 1, maxLength: 6 }), terms, (engines, given) => {
      const view = {
        standingOf: (each: (typeof engines)[number]) => each.standing,
        isProven: (each: (typeof engines)[number]) => each.isProven,
        hasRoom: (each: (typeof engines)[number]) => each.hasRoom,
      }
      const chosen = admissible(engines, view, given).engines
      assert.ok(chosen.length > 0)
      const isSound = engines.some(({ standing, hasRoom }) => standing === 'closed' && hasRoom)
      if (isSound) assert.ok(chosen.every(({ standing }) => standing === 'closed' || standing === 'probe'))
    }),
    { seed: 5, numRuns: 2000 },
  )
})
