/** Batches: what goes in comes out, in order, whatever it is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ENDPOINTS } from '../../../src/core/endpoint.ts'
import { type Batch, BatchWriter, decodeBatch } from '../../../src/messages/codec.ts'
import type { ToFrontend, ToWorker } from '../../../src/messages/types.ts'

type Message = ToWorker | ToFrontend

const id = fc.integer({ min: 0, max: 0xffff_ffff })
const bytes = fc.uint8Array({ maxLength: 300 })
const headers = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 6 })
const status = fc.integer({ min: 100, max: 599 })
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('open'),
    id,
    endpoint: fc.constantFrom(...ENDPOINTS),
    method: fc.constantFrom('GET', 'POST'),
    query: fc.string(),
    headers,
    creditBytes: fc.nat(),
    ageMs: fc.nat(),
    body: bytes,
  }),
  fc.record({ kind: fc.constant('abort'), id }),
  fc.record({ kind: fc.constant('credit'), id, bytes: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ kind: fc.constant('head'), id, status, headers }),
  fc.record({ kind: fc.constant('chunk'), id, bytes }),
  fc.record({ kind: fc.constant('end'), id }),
  fc.record({ kind: fc.constant('response'), id, status, headers, body: bytes }),
)

test('gives back every row, in order, with consecutive chunks of one stream joined', () => {
  const writer = new BatchWriter()
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), messages => {
      for (const one of messages) write(writer, one)
      const batch = writer.take()
      for (const part of partsOf(batch)) assert.equal(part.byteLength, part.buffer.byteLength)
      assert.deepEqual(read(batch), joinChunks(messages))
    }),
    { seed: 7 },
  )
})

test('joins chunks of one stream and keeps those of two apart', () => {
  const writer = new BatchWriter()
  for (const [stream, text] of [
    [1, 'a'],
    [1, 'b'],
    [2, 'c'],
    [1, 'd'],
  ] as const) {
    writer.chunk(stream, Buffer.from(text))
  }
  assert.deepEqual(
    read(writer.take()).map(row => (row.kind === 'chunk' ? Buffer.from(row.bytes).toString() : row.kind)),
    ['ab', 'c', 'd'],
  )
})

test('copies what it is given, and grows with it', () => {
  const writer = new BatchWriter()
  const reused = Buffer.alloc(100_000, 'x')
  writer.chunk(1, reused)
  reused.fill('y')
  writer.chunk(1, reused)
  const [row] = read(writer.take())
  assert.ok(row?.kind === 'chunk')
  assert.equal(Buffer.from(row.bytes).toString(), 'x'.repeat(100_000) + 'y'.repeat(100_000))
  assert.equal(writer.length, 0)
})

test('hands a large batch over and does not touch it again', () => {
  const writer = new BatchWriter()
  writer.chunk(1, Buffer.alloc(1_000_000, 'x'))
  const batch = writer.take()
  writer.chunk(2, Buffer.alloc(1_000_000, 'y'))
  assert.deepEqual(
    read(batch).map(row => row.id),
    [1],
  )
})

test('reads a batch that is a view into a larger buffer', () => {
  const writer = new BatchWriter()
  writer.head(9, 200, ['a', 'b'])
  const [batch] = partsOf(writer.take())
  const larger = new Uint8Array(batch.length + 11)
  larger.set(batch, 3)
  assert.deepEqual(read(larger.subarray(3, 3 + batch.length)), read(batch))
})

test('refuses a batch that is cut short at any place, or of an unknown kind', () => {
  const writer = new BatchWriter()
  writer.chunk(1, Buffer.from('abc'))
  const [batch] = partsOf(writer.take())
  for (let length = 1; length < batch.length; length++) {
    assert.throws(() => decodeBatch(batch.subarray(0, length), {}), RangeError)
  }
  assert.throws(() => decodeBatch(new Uint8Array(16).fill(99, 0, 1), {}), /unknown kind/)
})

function write(writer: BatchWriter, row: Message): void {
  switch (row.kind) {
    case 'open':
      return writer.open(row)
    case 'abort':
      return writer.abort(row.id)
    case 'credit':
      return writer.credit(row.id, row.bytes)
    case 'head':
      return writer.head(row.id, row.status, row.headers)
    case 'chunk':
      return writer.chunk(row.id, row.bytes)
    case 'end':
      return writer.end(row.id)
    case 'response':
      return writer.answer(row.id, row)
  }
}

test('sends a large body beside the rows, and wants it back with them', () => {
  const writer = new BatchWriter()
  const body = Buffer.alloc(50_000, 'x')
  writer.answer(1, { status: 200, headers: [], body })
  writer.end(2)
  body.fill('y')
  const batch = writer.take()
  const [rows, ...bodies] = partsOf(batch)
  assert.ok(rows.length < 100)
  assert.deepEqual(
    bodies.map(one => one.length),
    [50_000],
  )
  const [answer] = read(batch)
  assert.ok(answer?.kind === 'response')
  assert.equal(Buffer.from(answer.body).toString(), 'x'.repeat(50_000))
  assert.throws(() => decodeBatch(rows, {}), RangeError)
})

test('points at a large body in shared memory, without a copy', () => {
  const writer = new BatchWriter()
  const body = new Uint8Array(new SharedArrayBuffer(50_000)).fill(7)
  const open = { kind: 'open', id: 1, endpoint: 'generate', method: 'POST', query: '' } as const
  writer.open({ ...open, headers: [], creditBytes: 1, ageMs: 0, body })
  const batch = writer.take()
  assert.equal(partsOf(batch)[1]?.buffer, body.buffer)
  const [row] = read(batch)
  assert.ok(row?.kind === 'open')
  assert.deepEqual(row.body, new Uint8Array(body))
})

function partsOf(batch: Batch): readonly [Uint8Array<ArrayBuffer>, ...Uint8Array[]] {
  return batch instanceof Uint8Array ? [batch] : batch
}

function read(batch: Batch): Message[] {
  const rows: Message[] = []
  decodeBatch(batch, {
    onOpen: row => rows.push({ ...row, body: new Uint8Array(row.body) }),
    onAbort: of => rows.push({ kind: 'abort', id: of }),
    onCredit: (of, granted) => rows.push({ kind: 'credit', id: of, bytes: granted }),
    onHead: (of, code, fields) => rows.push({ kind: 'head', id: of, status: code, headers: fields }),
    onData: (of, view) => rows.push({ kind: 'chunk', id: of, bytes: new Uint8Array(view) }),
    onEnd: of => rows.push({ kind: 'end', id: of }),
    onResponse: (of, row) => rows.push({ kind: 'response', id: of, ...row, body: new Uint8Array(row.body) }),
  })
  return rows
}

function joinChunks(messages: readonly Message[]): Message[] {
  const joined: Message[] = []
  for (const one of messages) {
    const last = joined.at(-1)
    if (one.kind === 'chunk' && last?.kind === 'chunk' && last.id === one.id) {
      joined.splice(-1, 1, { ...one, bytes: new Uint8Array([...last.bytes, ...one.bytes]) })
    } else {
      // fast-check makes objects without a prototype.
      joined.push({ ...one })
    }
  }
  return joined
}
