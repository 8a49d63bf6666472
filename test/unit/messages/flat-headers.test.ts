import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerIn, isEventStream } from '../../../src/messages/flat-headers.ts'

test('finds the first value of a header', () => {
  const headers = ['a', '1', 'b', '2', 'b', '3']
  assert.deepEqual([headerIn(headers, 'a'), headerIn(headers, 'b')], ['1', '2'])
})

test('does not mistake a value for a name', () => {
  assert.equal(headerIn(['a', 'b', 'c', 'd'], 'b'), undefined)
  assert.equal(headerIn([], 'b'), undefined)
})

test('recognizes an event stream by its media type, in any case and with parameters', () => {
  for (const type of ['text/event-stream', 'Text/Event-Stream', 'text/event-stream; charset=utf-8']) {
    assert.equal(isEventStream(['content-type', type]), true, type)
  }
  assert.equal(isEventStream(['content-type', 'application/json']), false)
  assert.equal(isEventStream([]), false)
})
