import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { AttackKind } from '../../../../bench/siege/attacks/kinds.ts'
import { newTally, type Tally } from '../../../../bench/siege/attacks/tally.ts'
import { type Phase, type Siege, siegeExpectations, siegeText } from '../../../../bench/siege/results.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const SIGHTINGS = {
  rounds: 5,
  missed: 0,
  firstMiss: '',
  slowestMs: 20,
  unhealthy: 0,
  maxConnections: 60,
  maxRssMib: 200,
}

function phaseOf(itlMs: readonly number[], change: Partial<Phase> = {}): Phase {
  return {
    loads: [{ ...resultOf([recordOf()]), itlMs: Float32Array.from(itlMs) }],
    chunked: { answered: 3, failed: 0, firstFailure: '' },
    sightings: SIGHTINGS,
    ...change,
  }
}

function tallyOf(opened: number): ReadonlyMap<AttackKind, Tally> {
  return new Map([['idle connections', { ...newTally(), opened, statuses: { '404': 2, '200': 1 } }]])
}

/** A siege that the gateway withstands. */
function siegeOf(change: Partial<Siege> = {}): Siege {
  return {
    calm: [phaseOf([20, 40])],
    attacked: [phaseOf([20, 119])],
    tallies: [tallyOf(2048), tallyOf(3000)],
    descriptorLimit: 1024,
    left: 0,
    isAlive: true,
    ...change,
  }
}

function failedOf(siege: Siege): string[] {
  return siegeExpectations(siege)
    .filter(({ holds }) => !holds)
    .map(({ name }) => name)
}

suite('A siege', () => {
  test('is withstood if honest clients lose nothing and wait less than three times as long', () => {
    assert.deepEqual(failedOf(siegeOf()), [])
  })

  const broken = recordOf({ outcome: 'failed', failure: { kind: 'truncated', detail: 'cut' } })
  const cases: Readonly<Record<string, readonly [change: Partial<Siege>, failed: string]>> = {
    'a stream is lost': [
      { attacked: [phaseOf([20], { loads: [resultOf([recordOf(), broken])] })] },
      'honest streams lost under siege',
    ],
    'a stream is lost in calm': [
      { calm: [phaseOf([20], { loads: [resultOf([broken])] })], attacked: [phaseOf([20])] },
      'honest streams lost in calm',
    ],
    'a chunked request is lost': [
      { attacked: [phaseOf([20], { chunked: { answered: 3, failed: 1, firstFailure: 'reset' } })] },
      'honest chunked requests lost under siege',
    ],
    'tokens are late in one of the rounds': [
      { attacked: [phaseOf([20]), phaseOf([121])] },
      'ITL p99 under siege over that in calm',
    ],
    'a probe is missed': [
      { attacked: [phaseOf([20], { sightings: { ...SIGHTINGS, missed: 1 } })] },
      'health probes and scrapes missed',
    ],
    'an engine seems unhealthy': [
      { attacked: [phaseOf([20], { sightings: { ...SIGHTINGS, unhealthy: 1 } })] },
      'engines seen unhealthy',
    ],
    'a request is left on an engine': [{ left: 1 }, 'requests left on engines'],
    'the gateway has died': [{ isAlive: false }, 'gateways that died'],
    'a round had too few attackers': [
      { tallies: [tallyOf(3000), tallyOf(2047)] },
      'idle connections that attackers opened in a round',
    ],
  }
  for (const [what, [change, failed]] of Object.entries(cases))
    test(`is not withstood if ${what}`, () => assert.deepEqual(failedOf(siegeOf(change)), [failed]))

  test('is reported with what honest clients and attackers got', () => {
    const text = siegeText(siegeOf())
    assert.match(text, /^calm .* 0 /m)
    assert.match(text, /^idle connections +5,048 .* 200: 2, 404: 4$/m)
  })
})
