import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { JsonSyntaxError } from '../../../../workers/json/errors.ts'
import { rangeAt, scanArray, scanObject } from '../../../../workers/json/scan.ts'

suite('scanObject, scanArray and rangeAt', () => {
  test('finds the same members as JSON.parse, for any object and white space', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom('', ' ', '\n\t'),
        (value, space) => {
          const bytes = Buffer.from(JSON.stringify(value, undefined, space))
          const { members, end } = scanObject(bytes, 0)
          assert.equal(end, bytes.length)
          const read = members.map(member => [
            member.key,
            JSON.parse(bytes.toString('utf8', member.valueStart, member.valueEnd)),
          ])
          assert.deepEqual(Object.fromEntries(read), JSON.parse(bytes.toString()))
        },
      ),
      { seed: 7, numRuns: 500 },
    )
  })

  test('rejects what JSON.parse rejects at the top level, for any single changed byte', () => {
    const text = '{"a":1,"b":"x","c":true,"d":[1,2],"e":-0.5e3, "f":null}'
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(...'{}[]",: 01-+.eEtn'.split('')),
        (index, character) => {
          const changed = text.slice(0, index) + character + text.slice(index + 1)
          const inList = index > text.indexOf('[') && index < text.indexOf(']')
          if (inList || isJsonObject(changed)) return
          assert.throws(() => {
            const { end } = scanObject(Buffer.from(changed), 0)
            if (end !== changed.length) throw new JsonSyntaxError(end, 'rest')
          }, JsonSyntaxError)
        },
      ),
      { seed: 11, numRuns: 2000 },
    )
  })

  test('follows a path of keys and indexes to a range', () => {
    const bytes = Buffer.from('{"choices":[{"text":"a"},{"text":"b\\"]"}],"x":1}')
    const range = rangeAt(bytes, ['choices', 1, 'text'])
    assert.equal(bytes.toString('utf8', range?.start, range?.end), '"b\\"]"')
    assert.equal(rangeAt(bytes, ['choices', 2, 'text']), undefined)
    assert.equal(rangeAt(bytes, ['x', 'y']), undefined)
  })

  test('finds the elements of a list where they were put, whatever lists, numbers and texts of any length they hold', () => {
    const number = fc.constantFrom('1', '-0.1234567', '12345', 'null', ' 7 ')
    const numbers = fc.oneof(
      fc.array(number, { maxLength: 6 }),
      fc.array(number, { minLength: 20, maxLength: 60 }),
      fc.tuple(number, fc.nat(400)).map(([one, count]) => Array.from({ length: count }, () => one)),
    )
    const list = numbers.map(values => `[${values.join(',')}]`)
    const text = fc.constantFrom('"tok"', '"]"', '"\\""', `"${'x'.repeat(200)}["`)
    const row = fc.tuple(list, text, list).map(([a, b, c]) => `[${a},${b},{"k":${c}}]`)
    const element = fc.oneof(list, text, row)
    fc.assert(
      fc.property(
        fc.array(element, { minLength: 1, maxLength: 30 }),
        fc.constantFrom(',', ' ,\n'),
        (parts, comma) => {
          const bytes = Buffer.from(`[${parts.join(comma)}]`)
          const { elements, end } = scanArray(bytes, 0)
          assert.equal(end, bytes.length)
          assert.deepEqual(
            elements.map(range => bytes.toString('utf8', range.start, range.end)),
            parts,
          )
          // As the value of a member, the whole list is skipped at once.
          const object = Buffer.from(`{"a":[${bytes.toString()}],"b":1}`)
          assert.equal(scanObject(object, 0).members[0]?.valueEnd, bytes.length + 7)
        },
      ),
      { seed: 13, numRuns: 500 },
    )
  })

  test('handles lists that begin with a number and continue with other values', () => {
    for (const list of ['[1,"]"]', '[1,[2,"]"]]', '[1,{"a":[3]}]', '[]', '[-1.5,2]', '[1 , "\\\\"]']) {
      const { elements, end } = scanArray(Buffer.from(`[${list},7]`), 0)
      assert.equal(elements.length, 2)
      assert.equal(end, list.length + 4)
    }
  })

  test('scans hostile nesting in linear time and rejects excessive nesting', () => {
    const nested = Buffer.from(`{"a":${'[1,'.repeat(60_000)}1${']'.repeat(60_000)}}`)
    assert.equal(scanObject(nested, 0).end, nested.length)
    assert.throws(() => scanObject(Buffer.from(`{"a":${'['.repeat(100_000)}`), 0), /nested too deeply/)
  })

  test('finds the end of long strings with escaped quotes', () => {
    for (const tail of ['', '\\"', '\\\\', '\\\\\\"', '\\"'.repeat(90)]) {
      const text = `"${'x'.repeat(130)}${tail}"`
      assert.equal(scanObject(Buffer.from(`{"k":${text}}`), 0).members[0]?.valueEnd, 5 + text.length)
    }
  })
})

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
