import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchSender } from '../../../src/messages/channel.ts'
import type { Batch } from '../../../src/messages/codec.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

function recorder(): { posted: number[]; postMessage(batch: Batch): void } {
  const posted: number[] = []
  return { posted, postMessage: batch => posted.push(batch instanceof Uint8Array ? batch.length : -1) }
}

test('sends all rows of one loop turn as one message', async () => {
  const port = recorder()
  const sender = new BatchSender(port)
  sender.abort(1)
  sender.credit(2, 10)
  sender.end(3)
  assert.deepEqual(port.posted, [])
  await turn()
  assert.deepEqual(port.posted, [48])
  sender.abort(4)
  await turn()
  assert.deepEqual(port.posted, [48, 16])
})

test('sends a batch at once when it exceeds the size limit, and only once', async () => {
  const port = recorder()
  const sender = new BatchSender(port, 100)
  sender.abort(1)
  sender.data(2, Buffer.alloc(100))
  assert.deepEqual(port.posted, [132])
  await turn()
  assert.equal(port.posted.length, 1)
})

test('transfers the memory of its batch, except shared memory', async () => {
  const transferred: ArrayBuffer[] = []
  const sender = new BatchSender({ postMessage: (_batch, buffers) => transferred.push(...buffers) })
  const open = { id: 1, endpoint: 'generate', method: 'POST', query: '', headers: [] } as const
  const body = new Uint8Array(new SharedArrayBuffer(20_000))
  sender.open({ ...open, creditBytes: 1, ageMs: 0, aborted: [], body })
  sender.response(2, { status: 200, headers: [], body: new Uint8Array(30_000) })
  await turn()
  assert.equal(transferred.length, 2)
  assert.ok(transferred.some(buffer => buffer.byteLength === 30_000))
})

test('sends no message when there are no rows', () => {
  const port = recorder()
  new BatchSender(port).flush()
  assert.deepEqual(port.posted, [])
})
