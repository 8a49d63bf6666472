import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { untilStopped } from '../../../src/process/stop-signals.ts'

test('the first signal stops the server, a copy of it is ignored, a later one exits at once', async t => {
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  const signals = new EventEmitter()
  const exits: number[] = []
  const { stopped, undo } = untilStopped({ signals, exit: code => void exits.push(code) })
  signals.emit('SIGINT')
  await stopped
  nowMs = 100
  signals.emit('SIGINT')
  assert.deepEqual(exits, [])
  nowMs = 2000
  signals.emit('SIGTERM')
  assert.deepEqual(exits, [130])
  undo()
  assert.equal(signals.listenerCount('SIGINT') + signals.listenerCount('SIGTERM'), 0)
})
