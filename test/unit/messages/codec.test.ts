/** Encoding and decoding batches of every kind of row. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ENDPOINTS } from '../../../src/core/endpoint.ts'
import { type Batch, BatchWriter, decodeBatch } from '../../../src/messages/codec.ts'
import type { Rows } from '../../../src/messages/types.ts'

/** A row as its kind and its arguments: `['credit', 7, 100]`. */
type Row = { readonly [Kind in keyof Rows]: readonly [kind: Kind, ...Rows[Kind]] }[keyof Rows]

const id = fc.integer({ min: 0, max: 0xffff_ffff })
const bytes = fc.uint8Array({ maxLength: 300 })
const headers = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 6 })
const status = fc.integer({ min: 100, max: 599 })
const open = fc.record(
  {
    id,
    endpoint: fc.constantFrom(...ENDPOINTS),
    method: fc.constantFrom('GET' as const, 'POST' as const),
    query: fc.string(),
    headers,
    creditBytes: fc.nat(),
    ageMs: fc.nat(),
    aborted: fc.oneof(fc.constant('all' as const), fc.array(fc.string(), { maxLength: 2 })),
    body: bytes,
  },
  { noNullPrototype: true },
)
const response = fc.record({ status, headers, body: bytes }, { noNullPrototype: true })
const row: fc.Arbitrary<Row> = fc.oneof(
  fc.tuple(fc.constant('open' as const), open),
  fc.tuple(fc.constant('abort' as const), id),
  fc.tuple(fc.constant('credit' as const), id, fc.integer({ min: 0, max: 0xffff_ffff })),
  fc.tuple(fc.constant('head' as const), id, status, headers),
  fc.tuple(fc.constant('data' as const), id, bytes),
  fc.tuple(fc.constant('end' as const), id),
  fc.tuple(fc.constant('broken' as const), id, bytes),
  fc.tuple(fc.constant('response' as const), id, response),
)

test('decodes every row in order, with consecutive data of one exchange joined', () => {
  const writer = new BatchWriter()
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), rows => {
      for (const next of rows) write(writer, next)
      const batch = writer.take()
      for (const part of partsOf(batch)) assert.equal(part.byteLength, part.buffer.byteLength)
      assert.deepEqual(read(batch), joinData(rows))
    }),
    { seed: 7 },
  )
})

test('joins data of one exchange and keeps that of two apart', () => {
  const writer = new BatchWriter()
  for (const [exchange, text] of [
    [1, 'a'],
    [1, 'b'],
    [2, 'c'],
    [1, 'd'],
  ] as const) {
    writer.data(exchange, Buffer.from(text))
  }
  assert.deepEqual(
    read(writer.take()).map(next => (next[0] === 'data' ? Buffer.from(next[2]).toString() : next[0])),
    ['ab', 'c', 'd'],
  )
})

test('copies its arguments and grows as needed', () => {
  const writer = new BatchWriter()
  const reused = Buffer.alloc(100_000, 'x')
  writer.data(1, reused)
  reused.fill('y')
  writer.data(1, reused)
  const [first] = read(writer.take())
  assert.ok(first?.[0] === 'data')
  assert.equal(Buffer.from(first[2]).toString(), 'x'.repeat(100_000) + 'y'.repeat(100_000))
  assert.equal(writer.length, 0)
})

test('transfers a large batch and does not touch it again', () => {
  const writer = new BatchWriter()
  writer.data(1, Buffer.alloc(1_000_000, 'x'))
  const batch = writer.take()
  writer.data(2, Buffer.alloc(1_000_000, 'y'))
  assert.deepEqual(
    read(batch).map(([, exchange]) => exchange),
    [1],
  )
})

test('decodes a batch that is a view into a larger buffer', () => {
  const writer = new BatchWriter()
  writer.head(9, 200, ['a', 'b'])
  const [batch] = partsOf(writer.take())
  const larger = new Uint8Array(batch.length + 11)
  larger.set(batch, 3)
  assert.deepEqual(read(larger.subarray(3, 3 + batch.length)), read(batch))
})

test('rejects a batch that is truncated at any byte, and one with an unknown kind of row', () => {
  const writer = new BatchWriter()
  writer.data(1, Buffer.from('abc'))
  const [batch] = partsOf(writer.take())
  for (let length = 1; length < batch.length; length++) {
    assert.throws(() => decodeBatch(batch.subarray(0, length), {}), RangeError)
  }
  assert.throws(() => decodeBatch(new Uint8Array(16).fill(99, 0, 1), {}), /unknown kind/)
})

test('sends a large body outside the rows and requires it when decoding', () => {
  const writer = new BatchWriter()
  const body = Buffer.alloc(50_000, 'x')
  writer.response(1, { status: 200, headers: [], body })
  writer.end(2)
  body.fill('y')
  const batch = writer.take()
  const [rows, ...bodies] = partsOf(batch)
  assert.ok(rows.length < 100)
  assert.deepEqual(
    bodies.map(attached => attached.length),
    [50_000],
  )
  const [first] = read(batch)
  assert.ok(first?.[0] === 'response')
  assert.equal(Buffer.from(first[2].body).toString(), 'x'.repeat(50_000))
  assert.throws(() => decodeBatch(rows, {}), RangeError)
})

test('refers to a large body in shared memory without copying it', () => {
  const writer = new BatchWriter()
  const body = new Uint8Array(new SharedArrayBuffer(50_000)).fill(7)
  const message = { id: 1, endpoint: 'generate', method: 'POST', query: '', headers: [] } as const
  writer.open({ ...message, creditBytes: 1, ageMs: 0, aborted: [], body })
  const batch = writer.take()
  assert.equal(partsOf(batch)[1]?.buffer, body.buffer)
  const [first] = read(batch)
  assert.ok(first?.[0] === 'open')
  assert.deepEqual(first[1].body, new Uint8Array(body))
})

function write(writer: BatchWriter, next: Row): void {
  switch (next[0]) {
    case 'open':
      return writer.open(next[1])
    case 'abort':
      return writer.abort(next[1])
    case 'credit':
      return writer.credit(next[1], next[2])
    case 'head':
      return writer.head(next[1], next[2], next[3])
    case 'data':
      return writer.data(next[1], next[2])
    case 'end':
      return writer.end(next[1])
    case 'broken':
      return writer.broken(next[1], next[2])
    case 'response':
      return writer.response(next[1], next[2])
  }
}

function partsOf(batch: Batch): readonly [Uint8Array<ArrayBuffer>, ...Uint8Array[]] {
  return batch instanceof Uint8Array ? [batch] : batch
}

function read(batch: Batch): Row[] {
  const rows: Row[] = []
  decodeBatch(batch, {
    onOpen: message => rows.push(['open', { ...message, body: new Uint8Array(message.body) }]),
    onAbort: exchange => rows.push(['abort', exchange]),
    onCredit: (exchange, granted) => rows.push(['credit', exchange, granted]),
    onHead: (exchange, code, fields) => rows.push(['head', exchange, code, fields]),
    onData: (exchange, view) => rows.push(['data', exchange, new Uint8Array(view)]),
    onEnd: exchange => rows.push(['end', exchange]),
    onBroken: (exchange, last) => rows.push(['broken', exchange, new Uint8Array(last)]),
    onResponse: (exchange, whole) =>
      rows.push(['response', exchange, { ...whole, body: new Uint8Array(whole.body) }]),
  })
  return rows
}

function joinData(rows: readonly Row[]): Row[] {
  const joined: Row[] = []
  for (const next of rows) {
    const last = joined.at(-1)
    if (next[0] === 'data' && last?.[0] === 'data' && last[1] === next[1]) {
      joined.splice(-1, 1, ['data', next[1], new Uint8Array([...last[2], ...next[2]])])
    } else {
      joined.push(next)
    }
  }
  return joined
}
