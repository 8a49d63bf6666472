import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Boundary, boundaryAfter, ChunkCursor } from '../../../../workers/upstream/chunk-cursor.ts'

const size = (text: string) => Buffer.byteLength(text).toString(16)
const PIECES = {
  'before-size': (data: string) => `${size(data)}\r\n${data}\r\n`,
  'before-line-end': (data: string) => `\r\n${size(data)}\r\n${data}`,
} as const
type Between = keyof typeof PIECES
const PLACES: readonly Between[] = ['before-size', 'before-line-end']

function readAll(bytes: Buffer, place: Boundary): { readonly data: string[]; readonly rest: string } {
  const cursor = new ChunkCursor()
  const data: string[] = []
  let at = 0
  while (cursor.find(bytes, at, bytes.length, place)) {
    data.push(bytes.toString('utf8', cursor.from, cursor.to))
    at = cursor.next
  }
  return { data, rest: bytes.toString('utf8', at) }
}

for (const place of PLACES) {
  test(`finds the whole chunks of any body, ${place}, and leaves the part that follows`, () => {
    const texts = fc.array(
      fc.string({ minLength: 1, unit: fc.constantFrom('a', '\r', '\n', '0', '5\r\nx', 'é') }),
    )
    fc.assert(
      fc.property(texts, fc.nat(), (data, cut) => {
        const whole = data.map(PIECES[place]).join('')
        const next = Buffer.from(PIECES[place]('the next one'))
        const part = next.toString('utf8', 0, cut % next.length)
        assert.deepEqual(readAll(Buffer.from(whole + part), place), { data, rest: part })
      }),
      { seed: 20261128 },
    )
  })

  test(`reads sizes in both cases, with zeros before them, ${place}`, () => {
    for (const digits of ['a', 'A', '0a', '000000A']) {
      const piece = PIECES[place]('0123456789').replace(/(?<=^|\r\n)a(?=\r\n)/, digits)
      assert.deepEqual(readAll(Buffer.from(piece), place).data, ['0123456789'], digits)
    }
  })
}

for (const [why, body] of [
  ['the last chunk', '0\r\n\r\n'],
  ['an extension', '5;a=b\r\nhello\r\n'],
  ['a space after the size', '5 \r\nhello\r\n'],
  ['no size', '\r\nhello\r\n'],
  ['what is no number', 'five\r\nhello\r\n'],
  ['a line end of one byte', '5\nhello\r\n'],
  ['data that ends elsewhere', '4\r\nhello\r\n'],
  ['a size with more digits than any read', '00000005\r\nhello\r\n'],
  ['nothing', ''],
] as const) {
  test(`leaves ${why} to the parser`, () => {
    assert.deepEqual(readAll(Buffer.from(body), 'before-size'), { data: [], rest: body })
    assert.deepEqual(
      readAll(Buffer.from(`\r\n${body}`), 'before-line-end').data,
      why === 'data that ends elsewhere' ? ['hell'] : [],
    )
  })
}

test('finds nothing where it does not know the place', () => {
  assert.deepEqual(readAll(Buffer.from('5\r\nhello\r\n'), 'elsewhere').data, [])
})

for (const [given, data, place] of [
  ['5\r\nhello\r\n', 'hello', 'before-size'],
  ['lo\r\n', 'lo', 'before-size'],
  ['HTTP/1.1 200 OK\r\nx: y\r\n\r\n5\r\nhello', 'hello', 'before-line-end'],
  ['\r\n0F\r\nfifteen letters', 'fifteen letters', 'before-line-end'],
  ['\r\n6\r\nhello', 'hello', 'elsewhere'],
  ['5\r\nhello', 'hello', 'elsewhere'],
  ['\r\n5;a=5\r\nhello', 'hello', 'elsewhere'],
  ['hello', 'hello', 'elsewhere'],
  ['5\r\nhello\r\n0\r\n\r\n', 'hello', 'elsewhere'],
  ['5\r\nhello\r', 'hello', 'elsewhere'],
] as const) {
  test(`a parser that has found ${JSON.stringify(data)} in ${JSON.stringify(given)} stands ${place}`, () => {
    const from = given.indexOf(data)
    assert.equal(boundaryAfter(Buffer.from(given), from, from + data.length), place)
  })
}
