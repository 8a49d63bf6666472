import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  mayHoldFailure,
  mayHoldFailureEndOrUsage,
  mayHoldFailureOrEnd,
} from '../../../../workers/dialects/sign-scan.ts'

test('finds a word at any position', () => {
  for (const word of [
    '"error"',
    '"abort"',
    ' [DONE]',
    ':[DONE]',
    'event: error\n',
    'event:error\r',
    '"usage":{',
    '"usage": {',
  ]) {
    const [isFailure, isUsage] = [/^"(?:error|abort)/.test(word), word.startsWith('"usage')]
    for (let before = 0; before < 30; before++) {
      for (let after = 0; after < 10; after++) {
        const text = 'x'.repeat(before) + word + 'y'.repeat(after)
        assert.equal(mayHoldFailureOrEnd(Buffer.from(text)), !isUsage, text)
        assert.equal(mayHoldFailureEndOrUsage(Buffer.from(text)), true, text)
        assert.equal(mayHoldFailure(Buffer.from(text)), isFailure, text)
      }
    }
  }
})

test('takes no usage that is empty, and no word in a text, for a sign', () => {
  for (const text of [
    'data: {"choices":[],"usage":null}\n\n',
    'data: {"text":"\\"usage\\":{"}\n\n',
    'data: {"text":"event: error\\n"}\n\n',
    'event: errors\ndata: 1\n\n',
    'data: {"text":"TypeError: error in x"}\n\n',
  ])
    assert.equal(mayHoldFailureEndOrUsage(Buffer.from(text)), false, text)
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
    '"usage"',
    '"usa',
    'ge"',
    ':{',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), pieces => {
      const text = pieces.join('')
      const holdsFailure = text.includes('"error"') || text.includes('"abort"')
      assert.equal(mayHoldFailure(Buffer.from(text)), holdsFailure)
      const holdsSign = holdsFailure || /[ :]\[DONE\]|[ :]error[\r\n]/.test(text)
      assert.equal(mayHoldFailureOrEnd(Buffer.from(text)), holdsSign)
      assert.equal(mayHoldFailureEndOrUsage(Buffer.from(text)), holdsSign || /"usage"[: ]*\{/.test(text))
    }),
    { seed: 20261128, numRuns: 5000 },
  )
})
