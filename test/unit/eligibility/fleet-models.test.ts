import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { modelNeed, modelsOf } from '../../../src/eligibility/fleet-models.ts'
import { engineOf } from '../../support/engines.ts'

/** What a request for `model` needs of engines with these models. */
function needOf(model: string | undefined, ...fleet: readonly (readonly string[])[]): string {
  const need = modelNeed(modelsOf(fleet.map((models, slot) => engineOf({ slot, models }))), model)
  if (need.kind === 'named') return need.model
  return need.kind === 'unnamed' ? `one of ${need.models.join()}` : need.kind
}

suite('a request', () => {
  const cases: readonly [what: string, found: string, expected: string][] = [
    ['may go anywhere while no engine is known', needOf('x'), 'any'],
    ['may have any name if all engines serve the same models', needOf('x', ['a', 'b'], ['b', 'a']), 'any'],
    ['may have any name if the others report none', needOf('x', ['a'], []), 'any'],
    ['may name no model if all engines serve the same', needOf(undefined, ['a'], ['a'], []), 'any'],
    ['must name a model if they differ', needOf(undefined, ['a'], ['b', 'c'], []), 'one of a,b,c'],
    ['may name none if engines differ in adapters only', needOf(undefined, ['a', 'lora'], ['a']), 'any'],
    ['needs engines of the model that it names', needOf('b', ['a'], ['b', 'c']), 'b'],
    ['needs engines with the adapter that it names', needOf('lora', ['a', 'lora'], ['a']), 'lora'],
    ['needs engines of the model before the adapter', needOf('b:lora', ['a'], ['b']), 'b'],
    [
      'needs engines of a name with a colon that is reported so',
      needOf('b:lora', ['b'], ['b:lora']),
      'b:lora',
    ],
    ['may not name an unknown model if they differ', needOf('x', ['a'], ['b']), 'unknown'],
    ['may not name an adapter of an unknown model', needOf('x:lora', ['a'], ['b']), 'unknown'],
  ]
  for (const [what, found, expected] of cases) test(what, () => assert.equal(found, expected))
})
