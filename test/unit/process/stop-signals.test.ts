import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { outliveSignals, untilStopped } from '../../../src/process/stop-signals.ts'

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

test('SIGHUP is passed on, and signals without a meaning are ignored until that is undone', () => {
  const signals = new EventEmitter()
  let hangUps = 0
  const undo = outliveSignals({ signals, exit: () => undefined }, () => hangUps++)
  signals.emit('SIGHUP')
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGXFSZ', 'SIGALRM'])
    assert.ok(signals.emit(signal))
  assert.equal(hangUps, 1)
  undo()
  assert.deepEqual(signals.eventNames(), [])
})

test('a server that is stopped stops as at the signal', async () => {
  const { stopped, stop } = untilStopped({ signals: new EventEmitter(), exit: () => undefined })
  stop('SIGHUP')
  assert.equal(await stopped, 'SIGHUP')
})
