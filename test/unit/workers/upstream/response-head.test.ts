import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResponseHead } from '../../../../workers/upstream/response-head.ts'

const HEADS = [
  { name: 'no length', lines: ['Content-Type: text/plain'], ending: '' },
  { name: 'one length', lines: ['Content-Length: 2'], ending: 'ok' },
  {
    name: 'a header with a name as long',
    lines: ['Content-Length: 2', 'cross-origin-x: a, b'],
    ending: 'ok',
  },
  { name: 'a length that is no number', lines: ['content-length: two'], ending: 'ok' },
  { name: 'lengths that differ', lines: ['Content-Length: 2', 'content-length: 3'], ending: 'ok' },
]

for (const { name, lines, ending } of HEADS)
  test(`a head with ${name} is passed on as it is, in memory of its own`, () => {
    const bytes = Buffer.from(['HTTP/1.1 200 OK', ...lines, '', ending].join('\r\n'))
    const passed = new ResponseHead().push(bytes)
    assert.equal(passed?.toString(), bytes.toString())
    bytes.fill(0)
    assert.match(passed?.toString() ?? '', /^HTTP/)
  })

const EQUAL_LENGTHS = [
  ['Content-Length: 2', 'content-LENGTH:2'],
  ['Content-Length: 2, 2'],
  ['Content-Length: 2 ', 'x: y', 'Content-Length: 2'],
]

for (const lines of EQUAL_LENGTHS)
  test(`${lines.join(' and ')} become one length`, () => {
    const bytes = Buffer.from(['HTTP/1.1 200 OK', ...lines, '', 'ok'].join('\r\n'))
    const passed = new ResponseHead().push(bytes)?.toString() ?? ''
    assert.equal(passed.match(/content-length/gi)?.length, 1)
    assert.match(passed, /content-length: 2\r\n\r\nok$/)
  })

test('a head is passed on wherever it is split', () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'
  for (let cut = 1; cut < text.length - 2; cut++) {
    const head = new ResponseHead()
    const first = head.push(Buffer.from(text.slice(0, cut)))
    assert.equal(first, undefined, `cut at ${cut}`)
    assert.equal(
      head.push(Buffer.from(text.slice(cut)))?.toString(),
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    )
  }
})
