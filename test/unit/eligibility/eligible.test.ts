import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { eligible, type Need, preferring } from '../../../src/eligibility/eligible.ts'
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

/** Slots that may be chosen for a decode request, unless the test asks for something else. */
function slotsFor({ role = 'decode', model, avoid = [], down = [] }: Ask): number[] {
  const usable = eligible(FLEET, { role, model }, slot => !down.includes(slot))
  return preferring(usable, ({ slot }) => !avoid.includes(slot)).map(engine => engine.slot)
}

suite('eligible', () => {
  const cases: readonly [what: string, ask: Ask, slots: readonly number[]][] = [
    ['accepts all engines of the role', {}, [1, 2, 3]],
    ['accepts no engine of another role', { role: 'prefill' }, [0]],
    ['does not use a mixed engine for one phase', { role: 'mixed' }, [4]],
    ['excludes engines that are not usable', { down: [1, 3] }, [2]],
    ['accepts engines that report the model, and none that reports no model', { model: 'a' }, [1]],
    ['accepts an engine for each of its models', { model: 'c' }, [2]],
    ['avoids engines that failed the request before', { avoid: [1, 3] }, [2]],
    ['accepts avoided engines if no other is left', { avoid: [1, 2, 3] }, [1, 2, 3]],
    ['accepts an avoided engine if all others are down', { avoid: [1], down: [2, 3] }, [1]],
    ['prefers an avoided engine to one of another model', { model: 'a', avoid: [1] }, [1]],
    ['ignores avoided engines of another role', { avoid: [0] }, [1, 2, 3]],
    ['is empty if all engines are down', { down: [1, 2, 3] }, []],
    ['never accepts an engine that is down, avoided or not', { avoid: [2], down: [1, 2, 3] }, []],
  ]
  for (const [what, ask, slots] of cases) test(what, () => assert.deepEqual(slotsFor(ask), slots))
})
