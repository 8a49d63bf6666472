import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { eventsIn, isDoneData, isKeepAlive, toEvent } from '../../../../workers/sse/events.ts'

function dataOf(text: string): string[] {
  return eventsIn(Buffer.from(text)).map(event => event.data.toString())
}

suite('eventsIn', () => {
  const cases: readonly [what: string, text: string, data: readonly string[]][] = [
    ['an empty block', '', []],
    ['events of one line', 'data: 1\n\ndata: 2\n\n', ['1', '2']],
    ['data without the space', 'data:1\n\n', ['1']],
    ['one space only', 'data:  1\n\n', [' 1']],
    ['data of several lines', 'data: a\ndata: b\n\n', ['a\nb']],
    ['CRLF', 'data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n', ['a\nb', 'c']],
    ['CR', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['other fields and comments', ': ping\n\nevent: e\ndata: 1\nid: 3\n\n', ['', '1']],
    ['a byte order mark', '\uFEFFdata: 1\n\n', ['1']],
    ['a last event without its blank line', 'data: 1\n\ndata: [DONE]', ['1', '[DONE]']],
    ['characters of several bytes', 'data: é😀\n\n', ['é😀']],
    ['line breaks inside JSON text', 'data: {"text":"a\\n\\nb"}\n\n', ['{"text":"a\\n\\nb"}']],
    ['a field whose name begins with data', 'database: 1\n\n', ['']],
  ]
  for (const [what, text, data] of cases) test(`reads ${what}`, () => assert.deepEqual(dataOf(text), data))

  test('returns every byte of the block in order', () => {
    const part = fc.constantFrom('data: 1', 'é', '\n', '\n\n', '\r\n\r\n', '\r', ': c', '[DONE]')
    fc.assert(
      fc.property(fc.array(part), parts => {
        const block = Buffer.from(parts.join(''))
        assert.deepEqual(Buffer.concat(eventsIn(block).map(event => event.raw)), block)
      }),
      { seed: 8, numRuns: 1000 },
    )
  })

  test('reads what toEvent writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const data = JSON.stringify(value)
        const [event, ...more] = eventsIn(toEvent(data))
        assert.equal(event?.data.toString(), data)
        assert.equal(more.length, 0)
      }),
      { seed: 9 },
    )
  })
})

test('isDoneData accepts only [DONE], apart from white space', () => {
  for (const [data, expected] of [
    ['[DONE]', true],
    ['[DONE] ', true],
    ['"[DONE]"', false],
    ['{"text":"[DONE]"}', false],
    ['', false],
  ] as const) {
    assert.equal(isDoneData(Buffer.from(data)), expected, data)
  }
})

for (const [block, expected] of [
  [': ping\n\n', true],
  [':\r\n\r\n: ping\r\n\r\n', true],
  ['data: 1\n\n', false],
  [': ping\ndata: 1\n\n', false],
  [': ping\n\ndata: 1\n\n', false],
  [': ping\r\revent: x\r\r', true],
  ['event: ping\n\n', true],
  ['event: ping\ndata: {"type":"ping"}\n\n', true],
  ['event: ping\ndata: {}\n\nevent: x\ndata: {}\n\n', false],
  ['event: x\ndata: {}\n\n', false],
  ['id: 1\n\nretry: 5\n\n', true],
  ['data:\n\n', true],
  ['data: \r\n\r\n', true],
  ['data:\n\ndata: 1\n\n', false],
  ['data:1\n\n', false],
  ['\n', true],
  ['', false],
] as const) {
  test(`${JSON.stringify(block)} ${expected ? 'is' : 'is not'} what keeps a connection alive`, () => {
    assert.equal(isKeepAlive(Buffer.from(block)), expected)
  })
}
