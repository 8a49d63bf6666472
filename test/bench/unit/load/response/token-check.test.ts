/** Each kind of wrong tokens is recognised. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEnd, compareText } from '../../../../../bench/load/response/token-check.ts'
import { scriptFor } from '../../../../../src/simulator/sequence/output-script.ts'

const EXPECTED = { promptText: 'a prompt', seed: 7, maxTokens: 24, ignoreEos: true }
const PIECES = scriptFor(EXPECTED.promptText, EXPECTED.seed, EXPECTED.maxTokens).pieces.filter(
  piece => piece !== '',
)

function kindOf(pieces: readonly string[], mayBePart = false): string | undefined {
  return compareText(EXPECTED, pieces.join(''), mayBePart)?.kind
}

test('the expected text is correct, and so is its beginning if a part is allowed', () => {
  assert.equal(kindOf(PIECES), undefined)
  assert.equal(kindOf(PIECES.slice(0, 5), true), undefined)
  assert.equal(kindOf([], true), undefined)
  assert.equal(kindOf(PIECES.slice(0, 5)), 'missing')
})

test('each missing, repeated or swapped token is found', () => {
  for (let index = 0; index < PIECES.length; index++) {
    // Of a word that is repeated in a row, any occurrence may be the missing one.
    assert.equal(kindOf(PIECES.toSpliced(index, 1)), 'missing', `without ${index}`)
    assert.equal(kindOf(PIECES.toSpliced(index, 0, PIECES[index] ?? '')), 'duplicate', `${index} twice`)
    assert.equal(kindOf(PIECES.with(index, ' wrong')), 'altered', `${index} altered`)
  }
})

test('a repeated whole response is a duplicate', () => {
  assert.equal(kindOf([...PIECES, ...PIECES]), 'duplicate')
})

test("the engine's token count and finish reason are compared too", () => {
  assert.equal(compareEnd(EXPECTED, 'length', 24), undefined)
  assert.equal(compareEnd(EXPECTED, 'length', undefined), undefined)
  assert.equal(compareEnd(EXPECTED, 'stop', 24)?.kind, 'altered')
  assert.equal(compareEnd(EXPECTED, 'length', 23)?.kind, 'altered')
})
