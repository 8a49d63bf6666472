import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { TurnQueue } from '../../../../workers/turns/turn-queue.ts'

/** Records its steps. */
function workOf(name: string, steps: number, log: string[]) {
  let left = steps
  return {
    step(): boolean {
      log.push(name)
      return --left === 0
    },
  }
}

test('makes one step in each turn of the event loop, of each work in turn', async () => {
  const log: string[] = []
  const turns = new TurnQueue()
  turns.add(workOf('a', 3, log))
  turns.add(workOf('b', 1, log))
  assert.deepEqual(log, [], 'none at once')
  for (let turn = 1; turn <= 4; turn++) {
    await nextTurn()
    assert.equal(log.length, turn)
  }
  assert.deepEqual(log, ['a', 'b', 'a', 'a'])
  await nextTurn()
  assert.equal(log.length, 4)
  turns.add(workOf('c', 1, log))
  await nextTurn()
  assert.equal(log.at(-1), 'c')
})

test('makes no step of a work that was removed, and none after it was closed', async () => {
  const log: string[] = []
  const turns = new TurnQueue()
  const a = workOf('a', 9, log)
  turns.add(a)
  turns.add(workOf('b', 9, log))
  await nextTurn()
  turns.remove(a)
  await nextTurn()
  await nextTurn()
  assert.deepEqual(log, ['a', 'b', 'b'])
  turns.close()
  await nextTurn()
  assert.equal(log.length, 3)
})
