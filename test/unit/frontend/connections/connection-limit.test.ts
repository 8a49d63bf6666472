import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionLimit } from '../../../../src/frontend/connections/connection-limit.ts'

/** Idle connections by the time since when they wait, and a limit of two with an excess of two. */
function limitOf(): {
  limit: ConnectionLimit
  idle: number[]
  open: (ms: number) => boolean
  warnings: number[]
} {
  const idle: number[] = []
  const warnings: number[] = []
  let nowMs = 0
  const limit = new ConnectionLimit({
    max: 2,
    excess: 2,
    closeOne: sinceMs => {
      const [oldest] = idle
      if (oldest === undefined) return 'none'
      if (oldest > sinceMs) return 'too-young'
      idle.shift()
      limit.remove()
      return 'closed'
    },
    onFull: max => void warnings.push(max),
    nowMs: () => nowMs,
  })
  const open = (ms: number): boolean => {
    nowMs = ms
    const hasRoom = limit.add()
    idle.push(ms)
    return hasRoom
  }
  return { limit, idle, open, warnings }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('a connection is closed no earlier than a turn of the event loop after its acceptance', async () => {
  const { limit, idle, open, warnings } = limitOf()
  for (const ms of [1, 2, 3]) assert.equal(open(ms), true)
  assert.deepEqual(idle, [1, 2, 3])
  await turn()
  open(4)
  assert.equal(limit.open, 4)
  await turn()
  await turn()
  assert.deepEqual([limit.open, idle, warnings], [2, [3, 4], [2]])
})

test('beyond the excess the oldest is closed at once, and the new one if there is no other', async () => {
  const { limit, idle, open } = limitOf()
  for (const ms of [1, 2, 3, 4, 5]) assert.equal(open(ms), true)
  assert.deepEqual(idle, [2, 3, 4, 5])
  idle.length = 0
  assert.equal(open(6), false)
  assert.equal(limit.open, 5)
})
