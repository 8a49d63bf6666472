import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerIn, isEventStream } from '../../../src/messages/flat-headers.ts'

test('finds the value under a name, the first of several', () => {
  const headers = ['a', '1', 'b', '2', 'b', '3']
  assert.deepEqual([headerIn(headers, 'a'), headerIn(headers, 'b')], ['1', '2'])
})

test('does not take a value for a name', () => {
  assert.equal(headerIn(['a', 'b', 'c', 'd'], 'b'), undefined)
  assert.equal(headerIn([], 'b'), undefined)
})

test('knows a stream of events by its type, in any case and with parameters', () => {
  for (const type of ['text/event-stream', 'Text/Event-Stream', 'text/event-stream; charset=utf-8']) {
    assert.equal(isEventStream(['content-type', type]), true, type)
  }
  assert.equal(isEventStream(['content-type', 'application/json']), false)
  assert.equal(isEventStream([]), false)
})
