import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { mayHoldFailure } from '../../../../workers/classify/failure-scan.ts'

test('finds a word at any position', () => {
  for (const word of ['"error"', '"abort"']) {
    for (let before = 0; before < 30; before++) {
      for (let after = 0; after < 10; after++) {
        const text = 'x'.repeat(before) + word + 'y'.repeat(after)
        assert.equal(mayHoldFailure(Buffer.from(text)), true, text)
      }
    }
  }
})

test('agrees with two plain searches on texts made of the words and their parts', () => {
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
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), pieces => {
      const text = pieces.join('')
      assert.equal(mayHoldFailure(Buffer.from(text)), text.includes('"error"') || text.includes('"abort"'))
    }),
    { seed: 20261128, numRuns: 3000 },
  )
})
