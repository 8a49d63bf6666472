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
const BOUNDARIES: readonly Between[] = ['before-size', 'before-line-end']

function readAll(bytes: Buffer, boundary: Boundary): { readonly data: string[]; readonly rest: string } {
  const cursor = new ChunkCursor()
  const data: string[] = []
  let start = 0
  while (cursor.find(bytes, start, bytes.length, boundary)) {
    data.push(bytes.toString('utf8', cursor.dataStart, cursor.dataEnd))
    start = cursor.pieceEnd
  }
  return { data, rest: bytes.toString('utf8', start) }
}

for (const boundary of BOUNDARIES) {
  test(`finds all whole chunks of a body, ${boundary}, and leaves the incomplete one that follows`, () => {
    const texts = fc.array(
      fc.string({ minLength: 1, unit: fc.constantFrom('a', '\r', '\n', '0', '5\r\nx', 'é') }),
    )
    fc.assert(
      fc.property(texts, fc.nat(), (data, cut) => {
        const whole = data.map(PIECES[boundary]).join('')
        const next = Buffer.from(PIECES[boundary]('the next one'))
        const part = next.toString('utf8', 0, cut % next.length)
        assert.deepEqual(readAll(Buffer.from(whole + part), boundary), { data, rest: part })
      }),
      { seed: 20261128 },
    )
  })

  test(`reads sizes in upper and lower case and with leading zeros, ${boundary}`, () => {
    for (const digits of ['a', 'A', '0a', '000000A']) {
      const piece = PIECES[boundary]('0123456789').replace(/(?<=^|\r\n)a(?=\r\n)/, digits)
      assert.deepEqual(readAll(Buffer.from(piece), boundary).data, ['0123456789'], digits)
    }
  })
}

for (const [why, body] of [
  ['the last chunk', '0\r\n\r\n'],
  ['an extension', '5;a=b\r\nhello\r\n'],
  ['a space after the size', '5 \r\nhello\r\n'],
  ['a missing size', '\r\nhello\r\n'],
  ['a size that is not a number', 'five\r\nhello\r\n'],
  ['a bare line feed', '5\nhello\r\n'],
  ['data longer than its size', '4\r\nhello\r\n'],
  ['a size with too many digits', '00000005\r\nhello\r\n'],
  ['an empty read', ''],
] as const) {
  test(`leaves ${why} to the parser`, () => {
    assert.deepEqual(readAll(Buffer.from(body), 'before-size'), { data: [], rest: body })
    assert.deepEqual(
      readAll(Buffer.from(`\r\n${body}`), 'before-line-end').data,
      why === 'data longer than its size' ? ['hell'] : [],
    )
  })
}

test('finds nothing if the state of the parser is unknown', () => {
  assert.deepEqual(readAll(Buffer.from('5\r\nhello\r\n'), 'unknown').data, [])
})

for (const [given, data, boundary] of [
  ['5\r\nhello\r\n', 'hello', 'before-size'],
  ['lo\r\n', 'lo', 'before-size'],
  ['HTTP/1.1 200 OK\r\nx: y\r\n\r\n5\r\nhello', 'hello', 'before-line-end'],
  ['\r\n0F\r\nfifteen letters', 'fifteen letters', 'before-line-end'],
  ['\r\n6\r\nhello', 'hello', 'unknown'],
  ['5\r\nhello', 'hello', 'unknown'],
  ['\r\n5;a=5\r\nhello', 'hello', 'unknown'],
  ['hello', 'hello', 'unknown'],
  ['5\r\nhello\r\n0\r\n\r\n', 'hello', 'unknown'],
  ['5\r\nhello\r', 'hello', 'unknown'],
] as const) {
  test(`a parser that reported ${JSON.stringify(data)} of ${JSON.stringify(given)} is ${boundary}`, () => {
    const start = given.indexOf(data)
    assert.equal(boundaryAfter(Buffer.from(given), start, start + data.length), boundary)
  })
}
