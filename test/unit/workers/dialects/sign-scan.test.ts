import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { mayHoldFailure, mayHoldFailureOrEnd } from '../../../../workers/dialects/sign-scan.ts'

test('finds a word at any position', () => {
  for (const word of ['"error"', '"abort"', ' [DONE]', ':[DONE]', 'event: error\n', 'event:error\r']) {
    for (let before = 0; before < 30; before++) {
      for (let after = 0; after < 10; after++) {
        const text = 'x'.repeat(before) + word + 'y'.repeat(after)
        assert.equal(mayHoldFailureOrEnd(Buffer.from(text)), true, text)
        assert.equal(mayHoldFailure(Buffer.from(text)), word.startsWith('"'), text)
      }
    }
  }
})

test('takes no word in a text for a sign', () => {
  for (const text of [
    'data: {"text":"event: error\\n"}\n\n',
    'event: errors\ndata: 1\n\n',
    'data: {"text":"TypeError: error in x"}\n\n',
  ])
    assert.equal(mayHoldFailureOrEnd(Buffer.from(text)), false, text)
})

test('agrees with plain searches on texts made of the words and their parts', () => {
  const parts = fc.constantFrom(
    '"',
    'error',
    'abort',
    '"err',
    'or"',
    '"ab',
    'ort"',
    'e',
    'r',
    'a',
    't',
    ' ',
    '"abo"error',
    ':',
    '[DO',
    'NE]',
    '[DONE]',
    '\n',
    '\r',
    ' error',
    ':error',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), pieces => {
      const text = pieces.join('')
      const holdsFailure = text.includes('"error"') || text.includes('"abort"')
      assert.equal(mayHoldFailure(Buffer.from(text)), holdsFailure)
      const holdsSign = holdsFailure || /[ :]\[DONE\]|[ :]error[\r\n]/.test(text)
      assert.equal(mayHoldFailureOrEnd(Buffer.from(text)), holdsSign)
    }),
    { seed: 20261128, numRuns: 5000 },
  )
})
