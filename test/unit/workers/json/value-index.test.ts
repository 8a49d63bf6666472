import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { JsonSyntaxError } from '../../../../workers/json/errors.ts'
import { scanObject } from '../../../../workers/json/scan.ts'
import { knownEnd, withKnownEnds } from '../../../../workers/json/scan-context.ts'
import { ValueIndex, WINDOW_BYTES } from '../../../../workers/json/value-index.ts'

function indexOf(bytes: Buffer, stepWork: number): ValueIndex {
  const index = new ValueIndex(bytes)
  while (index.step(stepWork) === 0);
  return index
}

/** The members, or the message and position of the error. */
function outcome(scan: () => unknown): unknown {
  try {
    return scan()
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    return [error.message, error.position]
  }
}

const long = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('x'.repeat(300), '\\"'.repeat(200), `${'a'.repeat(60)}\\`.repeat(20), '[{'.repeat(300)),
)
const value = fc.oneof(
  fc.jsonValue(),
  long,
  fc.array(long),
  fc.array(fc.integer(), { maxLength: 500 }),
  fc.dictionary(long, fc.array(fc.array(fc.integer()))),
)

suite('The index of large values', () => {
  test('changes nothing of what a scan finds, for any text and any size of the steps', () => {
    fc.assert(
      fc.property(
        fc.dictionary(long, value),
        fc.constantFrom('', ' ', '\t'.repeat(9)),
        fc.integer({ min: 1, max: 2000 }),
        (object, space, stepWork) => {
          const bytes = Buffer.from(JSON.stringify(object, undefined, space))
          const index = indexOf(bytes, stepWork)
          assert.equal(index.failure, undefined)
          assert.deepEqual(
            withKnownEnds([index], () => scanObject(bytes, 0)),
            scanObject(bytes, 0),
          )
        },
      ),
      { seed: 3, numRuns: 300 },
    )
  })

  test('finds the same error, at the same byte, in a text with one byte changed or cut short', () => {
    const text = JSON.stringify({ a: 'x'.repeat(400), b: [[1, 'y'.repeat(300)], { c: '\\'.repeat(300) }] })
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: text.length - 1 }),
        fc.constantFrom('"', '[', ']', '{', '}', '\\', 'x', 'cut'),
        fc.integer({ min: 1, max: 500 }),
        (position, change, stepWork) => {
          const bytes = Buffer.from(
            change === 'cut'
              ? text.slice(0, position)
              : text.slice(0, position) + change + text.slice(position + 1),
          )
          const index = indexOf(bytes, stepWork)
          assert.deepEqual(
            outcome(() => withKnownEnds([index], () => scanObject(bytes, 0))),
            outcome(() => scanObject(bytes, 0)),
          )
        },
      ),
      { seed: 5, numRuns: 2000 },
    )
  })

  test('holds for a view of a part of the text, but not for another text, nor for a value that the view cuts', () => {
    const bytes = Buffer.from(JSON.stringify({ a: [{ b: 'x'.repeat(400) }] }))
    const index = indexOf(bytes, 1000)
    const object = bytes.indexOf('{"b"')
    const view = bytes.subarray(object, -2)
    withKnownEnds([index], () => {
      assert.equal(knownEnd(bytes, object), bytes.length - 2)
      assert.equal(knownEnd(view, 0), view.length)
      assert.equal(knownEnd(view.subarray(0, -1), 0), undefined)
      assert.equal(knownEnd(Buffer.from(view), 0), undefined)
    })
    assert.equal(knownEnd(bytes, object), undefined)
  })

  test('records no value that is nested deeper than anything that is read, so that it stays small', () => {
    const nest = `${'['.repeat(2000)}${']'.repeat(2000)}`
    const bytes = Buffer.from(`{"a":[${Array.from({ length: 50 }, () => nest).join(',')}]}`)
    const index = indexOf(bytes, 5000)
    assert.ok(index.ends.size < 50 * 8, `${index.ends.size} values`)
    const scan = (): unknown => scanObject(bytes, 0)
    assert.deepEqual(withKnownEnds([index], scan), scan())
  })

  const BYTES = 4 * 1024 * 1024
  const STEP_WORK = 10_000
  // `perUnit`: bytes that one unit of work covers: 1 where bytes are examined, more where they are searched.
  for (const [what, start, filler, end, perUnit] of [
    ['a text', '{"a":"', 'x', '"}', 16],
    ['numbers', '{"a":[1', ',12', ']}', 4],
    ['a text of escapes', '{"a":"', '\\"', '"}', 1],
    ['a text of backslashes', '{"a":"', '\\\\', '"}', 1],
    ['lists', '{"a":[1', ',[1]', ']}', 1],
    ['objects', '{"a":[1', ',{"a":1}', ']}', 1],
    ['members', '{"a":1', ',"a":0', '}', 1],
    ['white space', '{"a":1', ' ', '}', 1],
    ['one number', '{"a":1', '1', '}', 1],
    ['brackets that do not close', '{"a":[', '[]', '', 1],
  ] as const) {
    test(`makes steps of bounded work, whatever 4 MiB are: ${what}`, () => {
      const bytes = Buffer.from(start + filler.repeat(BYTES / filler.length) + end)
      const index = new ValueIndex(bytes)
      let before = 0
      let steps = 1
      for (; index.step(STEP_WORK) === 0; steps++) {
        // The last unit of a step may begin a search.
        const maxBytes = perUnit * STEP_WORK + (perUnit > 1 ? WINDOW_BYTES : 64)
        assert.ok(index.position - before <= maxBytes, `${index.position - before} bytes in one step`)
        before = index.position
      }
      assert.ok(steps >= BYTES / (perUnit * STEP_WORK + WINDOW_BYTES), `${steps} steps`)
      assert.equal(index.position, bytes.length)
    })
  }
})
