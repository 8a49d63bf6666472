/** Tests of bench/load/compare.ts: every way to get tokens wrong has its name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEnd, compareText } from '../../../../bench/load/compare.ts'
import { scriptFor } from '../../../../src/simulator/sequence/output-script.ts'

const EXPECTED = { promptText: 'a prompt', seed: 7, maxTokens: 24, ignoreEos: true }
const PIECES = scriptFor(EXPECTED.promptText, EXPECTED.seed, EXPECTED.maxTokens).pieces.filter(
  piece => piece !== '',
)

function kindOf(pieces: readonly string[], mayBePart = false): string | undefined {
  return compareText(EXPECTED, pieces.join(''), mayBePart)?.kind
}

test('the right answer is right, and its beginning where a part will do', () => {
  assert.equal(kindOf(PIECES), undefined)
  assert.equal(kindOf(PIECES.slice(0, 5), true), undefined)
  assert.equal(kindOf([], true), undefined)
  assert.equal(kindOf(PIECES.slice(0, 5)), 'missing')
})

test('each token that is left out, said twice or swapped is seen', () => {
  for (let at = 0; at < PIECES.length; at++) {
    // A word that follows itself can be left out anywhere in its run: any of these is right.
    assert.equal(kindOf(PIECES.toSpliced(at, 1)), 'missing', `without ${at}`)
    assert.equal(kindOf(PIECES.toSpliced(at, 0, PIECES[at] ?? '')), 'duplicate', `${at} twice`)
    assert.equal(kindOf(PIECES.with(at, ' wrong')), 'altered', `${at} altered`)
  }
})

test('a whole answer said twice is a duplicate', () => {
  assert.equal(kindOf([...PIECES, ...PIECES]), 'duplicate')
})

test("the engine's count and reason are compared too", () => {
  assert.equal(compareEnd(EXPECTED, 'length', 24), undefined)
  assert.equal(compareEnd(EXPECTED, 'length', undefined), undefined)
  assert.equal(compareEnd(EXPECTED, 'stop', 24)?.kind, 'altered')
  assert.equal(compareEnd(EXPECTED, 'length', 23)?.kind, 'altered')
})
