import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { eligible, modelNeed, type Need, preferring } from '../../../src/policy/eligible.ts'
import { engineOf } from '../../support/engines.ts'

const FLEET = [
  engineOf({ slot: 0, role: 'prefill', models: ['a'] }),
  engineOf({ slot: 1, role: 'decode', models: ['a'] }),
  engineOf({ slot: 2, role: 'decode', models: ['b', 'c'] }),
  engineOf({ slot: 3, role: 'decode', models: [] }),
  engineOf({ slot: 4, role: 'mixed', models: ['a'] }),
]

interface Ask extends Partial<Need> {
  readonly avoid?: readonly number[]
  readonly down?: readonly number[]
}

/** Slots that may be chosen for any decode request, changed by what the test is about. */
function slotsFor({ role = 'decode', model, avoid = [], down = [] }: Ask): number[] {
  const usable = eligible(FLEET, { role, model }, slot => !down.includes(slot))
  return preferring(usable, ({ slot }) => !avoid.includes(slot)).map(engine => engine.slot)
}

suite('eligible', () => {
  const cases: readonly [what: string, ask: Ask, slots: readonly number[]][] = [
    ['takes all engines of the role', {}, [1, 2, 3]],
    ['takes no engine of another role', { role: 'prefill' }, [0]],
    ['does not take a mixed engine for a half', { role: 'mixed' }, [4]],
    ['leaves engines out that may not get traffic', { down: [1, 3] }, [2]],
    ['takes engines that name the model, and those that name none', { model: 'a' }, [1, 3]],
    ['takes an engine by any of its models', { model: 'c' }, [2, 3]],
    ['avoids engines that have failed the request', { avoid: [1, 3] }, [2]],
    ['takes a failed engine again when no other is left', { avoid: [1, 2, 3] }, [1, 2, 3]],
    ['takes a failed engine again when all others are down', { avoid: [1], down: [2, 3] }, [1]],
    ['takes a failed engine again rather than one of another model', { model: 'a', avoid: [1, 3] }, [1, 3]],
    ['does not mind avoided engines of another role', { avoid: [0] }, [1, 2, 3]],
    ['is empty when all engines are down', { down: [1, 2, 3] }, []],
    ['never takes an engine that is down, avoided or not', { avoid: [2], down: [1, 2, 3] }, []],
  ]
  for (const [what, ask, slots] of cases) test(what, () => assert.deepEqual(slotsFor(ask), slots))
})

suite('modelNeed', () => {
  const uniform = [engineOf({ slot: 0, models: ['a'] }), engineOf({ slot: 1, models: ['a'] })]
  const silent = [engineOf({ slot: 0, models: ['a'] }), engineOf({ slot: 1, models: [] })]
  const cases: readonly [what: string, need: object, expected: object][] = [
    ['takes any engine for a request without a model', modelNeed(FLEET, undefined), { kind: 'any' }],
    ['leaves the name to the engines where all serve the same', modelNeed(uniform, 'x'), { kind: 'any' }],
    ['counts an engine that names none as serving the same', modelNeed(silent, 'x'), { kind: 'any' }],
    ['leaves the name to the engines where none are known', modelNeed([], 'x'), { kind: 'any' }],
    ['chooses by the name in a mixed fleet', modelNeed(FLEET, 'b'), { kind: 'named', model: 'b' }],
    [
      'knows no unknown name in a mixed fleet of engines that all name theirs',
      modelNeed(
        FLEET.filter(engine => engine.models.length > 0),
        'x',
      ),
      { kind: 'unknown' },
    ],
  ]
  for (const [what, need, expected] of cases) test(what, () => assert.deepEqual(need, expected))
})
