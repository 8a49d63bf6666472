import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SseReader } from '../../../../../bench/load/response/sse-reader.ts'

const STREAM =
  ': hello\ndata: {"a":"日本"}\n\ndata:two\r\ndata: lines\r\n\r\nevent: x\nid: 1\n\ndata: [DONE]\n\n'
const WANTED = ['{"a":"日本"}', 'two\nlines', '[DONE]']

function eventsOf(parts: readonly Buffer[]): string[] {
  const events: string[] = []
  const reader = new SseReader(data => events.push(data))
  for (const part of parts) reader.push(part)
  return events
}

test('events are the same wherever the bytes are split', () => {
  const bytes = Buffer.from(STREAM)
  for (let index = 0; index <= bytes.length; index++) {
    assert.deepEqual(eventsOf([bytes.subarray(0, index), bytes.subarray(index)]), WANTED, `cut at ${index}`)
  }
  assert.deepEqual(eventsOf(Array.from(bytes, byte => Buffer.from([byte]))), WANTED)
})

test('events end with any two line ends in a row', () => {
  for (const end of ['\n\n', '\r\n\r\n', '\r\r', '\n\r\n', '\r\n\n', '\n\r', '\r\r\n']) {
    const bytes = Buffer.from(`data: a${end}data: b${end}`)
    for (let index = 0; index <= bytes.length; index++) {
      const events = eventsOf([bytes.subarray(0, index), bytes.subarray(index)])
      assert.deepEqual(events, ['a', 'b'], `${JSON.stringify(end)}, cut at ${index}`)
    }
  }
})

test('an event without its final blank line is dropped', () => {
  assert.deepEqual(eventsOf([Buffer.from('data: one\n\ndata: two\n')]), ['one'])
})
