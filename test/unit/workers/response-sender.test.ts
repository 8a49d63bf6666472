import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { GatewayError } from '../../../src/core/errors.ts'
import { type BatchPort, BatchSender } from '../../../src/messages/channel.ts'
import { decodeBatch } from '../../../src/messages/codec.ts'
import type { FlatHeaders } from '../../../src/messages/types.ts'
import { ResponseSender } from '../../../workers/response-sender.ts'

type Row =
  | { readonly kind: 'head'; readonly id: number; readonly status: number; readonly headers: FlatHeaders }
  | { readonly kind: 'chunk'; readonly id: number; readonly text: string }
  | { readonly kind: 'end'; readonly id: number }
  | {
      readonly kind: 'response'
      readonly id: number
      readonly status: number
      readonly headers: FlatHeaders
      readonly text: string
    }

/** The rows that reach the front end when exchange 7 says what `talk` says. */
function rowsOf(talk: (reply: ResponseSender) => void): Row[] {
  const rows: Row[] = []
  const port: BatchPort = {
    postMessage: batch =>
      decodeBatch(batch, {
        onHead: (id, status, headers) => rows.push({ kind: 'head', id, status, headers }),
        onData: (id, bytes) => rows.push({ kind: 'chunk', id, text: Buffer.from(bytes).toString() }),
        onEnd: id => rows.push({ kind: 'end', id }),
        onResponse: (id, { status, headers, body }) =>
          rows.push({ kind: 'response', id, status, headers, text: Buffer.from(body).toString() }),
      }),
  }
  const sender = new BatchSender(port)
  talk(new ResponseSender(7, sender))
  sender.flush()
  return rows
}

suite('Reply', () => {
  test('streams a head, chunks and an end', () => {
    const rows = rowsOf(reply => {
      reply.start(200, ['content-type', 'text/event-stream'])
      reply.chunk(Buffer.from('data: 1\n\n'))
      reply.end()
    })
    assert.deepEqual(rows, [
      { kind: 'head', id: 7, status: 200, headers: ['content-type', 'text/event-stream'] },
      { kind: 'chunk', id: 7, text: 'data: 1\n\n' },
      { kind: 'end', id: 7 },
    ])
  })

  test('copies a chunk at the call', () => {
    const rows = rowsOf(reply => {
      const read = Buffer.from('data: 1\n\n')
      reply.start(200, [])
      reply.chunk(read)
      read.fill(0)
    })
    assert.deepEqual(rows[1], { kind: 'chunk', id: 7, text: 'data: 1\n\n' })
  })

  test('passes end-to-end headers on and keeps what concerns the connection to the engine back', () => {
    const dropped = [
      'connection',
      'keep-alive',
      'transfer-encoding',
      'content-length',
      'date',
      'server',
      'te',
    ]
    const headers = [...dropped.flatMap(name => [name, 'x']), 'x-request-id', 'a', 'content-encoding', 'gzip']
    const kept = ['x-request-id', 'a', 'content-encoding', 'gzip']
    const rows = rowsOf(reply => {
      reply.start(200, headers)
      reply.answer(200, headers, Buffer.from('b'))
    })
    assert.deepEqual(rows, [
      { kind: 'head', id: 7, status: 200, headers: kept },
      { kind: 'response', id: 7, status: 200, headers: kept, text: 'b' },
    ])
  })

  test('keeps every header of a name that comes twice', () => {
    const headers = ['set-cookie', 'a', 'set-cookie', 'b']
    const [row] = rowsOf(reply => reply.answer(200, headers, Buffer.alloc(0)))
    assert.deepEqual(row?.kind === 'response' && row.headers, headers)
  })

  test('tells an error as an answer of its own before the stream', () => {
    const error = new GatewayError('engine-error', 'busy', {
      status: 429,
      leg: 'prefill',
      retryAfterMs: 1200,
    })
    const [row, ...more] = rowsOf(reply => reply.error(error))
    assert.equal(more.length, 0)
    assert.deepEqual(row?.kind === 'response' && [row.status, row.headers], [
      429,
      ['content-type', 'application/json', 'retry-after', '2'],
    ])
    assert.deepEqual(row?.kind === 'response' && JSON.parse(row.text), {
      error: { message: 'busy', type: 'server_error', param: null, code: 'engine-error', leg: 'prefill' },
    })
  })

  test('names no delay where the engine named none', () => {
    const [row] = rowsOf(reply => reply.error(new GatewayError('no-engine-available', 'none')))
    assert.deepEqual(row?.kind === 'response' && row.headers, ['content-type', 'application/json'])
  })

  test('tells an error inside a stream that has started, as its last event before [DONE]', () => {
    const rows = rowsOf(reply => {
      reply.start(200, ['content-type', 'text/event-stream'])
      reply.error(new GatewayError('engine-stalled', 'line 1\nline 2', { leg: 'decode' }))
    })
    const last = rows.at(-2)
    const [, json] = (last?.kind === 'chunk' && /^data: (.*)\n\ndata: \[DONE\]\n\n$/.exec(last.text)) || []
    assert.deepEqual(JSON.parse(json ?? ''), {
      error: {
        message: 'line 1\nline 2',
        type: 'timeout_error',
        param: null,
        code: 'engine-stalled',
        leg: 'decode',
      },
    })
    assert.deepEqual(rows.at(-1), { kind: 'end', id: 7 })
  })
})
