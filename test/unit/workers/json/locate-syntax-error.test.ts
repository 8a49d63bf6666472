import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { locateSyntaxError } from '../../../../workers/json/locate-syntax-error.ts'

const at = (text: string) => locateSyntaxError(Buffer.from(text))?.position

for (const [text, position] of [
  ['{"a":{"b":}}', 10],
  ['{"a":[1,2,]}', 10],
  ['{"a":{"b":tru}}', 10],
  ['{"a":{"b":01}}', 11],
  ['{"a":[{"c" 1}]}', 11],
  ['{"a":"x\ny"}', 7],
  ['{"a":{"b":"\\q"}}', 12],
  ['{"a":{"b":"\\\\\\u12"}}', 14],
] as const) {
  test(`finds the fault of ${JSON.stringify(text)} at byte ${position}`, () =>
    assert.equal(at(text), position))
}

test('finds a fault in whatever a parser refuses, and none in what it takes', () => {
  const change = fc.tuple(fc.jsonValue(), fc.nat(), fc.constantFrom('', ',', '}', '"', '\\', 'x', ':'))
  fc.assert(
    fc.property(change, ([value, place, put]) => {
      const text = JSON.stringify({ value })
      const index = place % text.length
      const changed = text.slice(0, index) + put + text.slice(index + 1)
      // What stands behind the value is not looked at here.
      if (!changed.startsWith('{') || !changed.endsWith('}')) return
      const fault = locateSyntaxError(Buffer.from(changed))
      if (isJson(changed)) assert.equal(fault, undefined)
    }),
    { seed: 5, numRuns: 2000 },
  )
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
