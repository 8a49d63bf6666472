import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { GatewayError } from '../../../src/core/errors.ts'
import { type BatchPort, BatchSender } from '../../../src/messages/channel.ts'
import { decodeBatch } from '../../../src/messages/codec.ts'
import type { FlatHeaders, OpenMessage } from '../../../src/messages/types.ts'
import { transportFailure } from '../../../workers/classify/observed-failure.ts'
import { type ResponseOwner, ResponseSender } from '../../../workers/response-sender.ts'
import type { AbortedOutput } from '../../../workers/samples/aborted-output.ts'

type Row =
  | { readonly kind: 'head'; readonly id: number; readonly status: number; readonly headers: FlatHeaders }
  | { readonly kind: 'data'; readonly id: number; readonly text: string }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'broken'; readonly id: number; readonly text: string }
  | {
      readonly kind: 'response'
      readonly id: number
      readonly status: number
      readonly headers: FlatHeaders
      readonly text: string
    }

const OPEN: OpenMessage = {
  id: 7,
  endpoint: 'chat',
  method: 'POST',
  query: '',
  headers: [],
  creditBytes: 0,
  ageMs: 0,
  aborted: [],
  body: new Uint8Array(0),
}
const HEAD = { prefillBody: undefined, rid: '' }

interface Sent {
  readonly rows: Row[]
  /** Calls to the owner, in order. */
  readonly calls: string[]
}

/** What the front end and the owner receive when exchange 7 sends a response, with `creditBytes` of credit. */
function sentBy(send: (response: ResponseSender) => void, creditBytes = 1000, output?: AbortedOutput): Sent {
  const rows: Row[] = []
  const calls: string[] = []
  const port: BatchPort = {
    postMessage: batch =>
      decodeBatch(batch, {
        onHead: (id, status, headers) => rows.push({ kind: 'head', id, status, headers }),
        onData: (id, bytes) => rows.push({ kind: 'data', id, text: Buffer.from(bytes).toString() }),
        onEnd: id => rows.push({ kind: 'end', id }),
        onBroken: (id, last) => rows.push({ kind: 'broken', id, text: Buffer.from(last).toString() }),
        onResponse: (id, { status, headers, body }) =>
          rows.push({ kind: 'response', id, status, headers, text: Buffer.from(body).toString() }),
      }),
  }
  const owner: ResponseOwner = {
    headersToAdd: () => [],
    onCommit: () => calls.push('commit'),
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    outputInsteadOf: () => output,
    onDone: outcome => calls.push(outcome),
  }
  const sender = new BatchSender(port)
  send(new ResponseSender({ ...OPEN, creditBytes }, sender, owner))
  sender.flush()
  return { rows, calls }
}

suite('ResponseSender', () => {
  test('sends a head, data and an end', () => {
    const { rows, calls } = sentBy(response => {
      response.onHead({ ...HEAD, status: 200, headers: ['content-type', 'text/event-stream'] })
      response.onData(Buffer.from('data: 1\n\n'))
      response.onEnd()
    })
    assert.deepEqual(rows, [
      { kind: 'head', id: 7, status: 200, headers: ['content-type', 'text/event-stream'] },
      { kind: 'data', id: 7, text: 'data: 1\n\n' },
      { kind: 'end', id: 7 },
    ])
    assert.deepEqual(calls, ['commit', 'ok'])
  })

  test('copies data during the call', () => {
    const { rows } = sentBy(response => {
      const read = Buffer.from('data: 1\n\n')
      response.onHead({ ...HEAD, status: 200, headers: [] })
      response.onData(read)
      read.fill(0)
    })
    assert.deepEqual(rows[1], { kind: 'data', id: 7, text: 'data: 1\n\n' })
  })

  test('pauses the stream while the client has no credit', () => {
    const { calls } = sentBy(response => {
      response.onHead({ ...HEAD, status: 200, headers: [] })
      response.onData(Buffer.alloc(9))
      response.onData(Buffer.alloc(2))
      response.onData(Buffer.alloc(5))
      response.grant(6)
      response.grant(1)
      response.onEnd()
    }, 10)
    assert.deepEqual(calls, ['commit', 'pause', 'resume', 'ok'])
  })

  test('sends the output of an aborted request instead of its error, as a response or in the stream of heartbeats', t => {
    const output = { headers: ['a', 'b'], body: Buffer.from('data: x\n\n') }
    const failure = transportFailure('decode', { kind: 'reset', message: 'reset', isStaleSocket: false })
    const whole = sentBy(response => response.onError(failure), 1000, output)
    assert.deepEqual(whole.rows, [
      { kind: 'response', id: 7, status: 200, headers: ['a', 'b'], text: 'data: x\n\n' },
    ])
    assert.deepEqual(whole.calls, ['aborted'])
    t.mock.timers.enable({ apis: ['setInterval'] })
    const started = sentBy(
      response => {
        response.startHeartbeats(10)
        t.mock.timers.tick(10)
        response.onError(failure)
      },
      1000,
      output,
    )
    assert.deepEqual(started.rows.slice(1), [
      { kind: 'data', id: 7, text: ': waiting for the first token\n\ndata: x\n\n' },
      { kind: 'end', id: 7 },
    ])
    assert.deepEqual(started.calls, ['aborted'])
  })

  test('sends nothing more once it is abandoned', () => {
    const { rows, calls } = sentBy(response => {
      response.abandon()
      response.abandon()
      response.fail(new GatewayError('deadline-exceeded', 'too late'))
    })
    assert.deepEqual([rows, calls], [[], ['aborted']])
  })

  test('passes on end-to-end headers and drops those of the connection to the engine', () => {
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
    const stream = sentBy(response => response.onHead({ ...HEAD, status: 200, headers }))
    const whole = sentBy(response => response.onResponse({ ...HEAD, status: 200, headers }, Buffer.from('b')))
    assert.deepEqual(stream.rows, [{ kind: 'head', id: 7, status: 200, headers: kept }])
    assert.deepEqual(whole.rows, [{ kind: 'response', id: 7, status: 200, headers: kept, text: 'b' }])
  })

  test('keeps all headers of the same name', () => {
    const headers = ['set-cookie', 'a', 'set-cookie', 'b']
    const { rows } = sentBy(response =>
      response.onResponse({ ...HEAD, status: 200, headers }, Buffer.alloc(0)),
    )
    const [row] = rows
    assert.deepEqual(row?.kind === 'response' && row.headers, headers)
  })

  test('sends an error as a whole response if no stream has started', () => {
    const error = new GatewayError('engine-error', 'busy', {
      status: 429,
      leg: 'prefill',
      retryAfterMs: 1200,
    })
    const { rows, calls } = sentBy(response => response.fail(error))
    const [row] = rows
    assert.deepEqual([rows.length, calls], [1, ['client-error']])
    assert.deepEqual(row?.kind === 'response' && [row.status, row.headers], [
      429,
      ['content-type', 'application/json', 'retry-after', '2'],
    ])
    assert.deepEqual(row?.kind === 'response' && JSON.parse(row.text), {
      error: { message: 'busy', type: 'server_error', param: null, code: 'engine-error', leg: 'prefill' },
    })
  })

  test('sends no Retry-After header if the error has no delay', () => {
    const { rows } = sentBy(response => response.fail(new GatewayError('no-engine-available', 'none')))
    const [row] = rows
    assert.deepEqual(row?.kind === 'response' && row.headers, ['content-type', 'application/json'])
  })

  test('breaks a stream that has started off with the error as an event, without [DONE]', () => {
    const { rows, calls } = sentBy(response => {
      response.onHead({ ...HEAD, status: 200, headers: ['content-type', 'text/event-stream'] })
      response.fail(new GatewayError('engine-stalled', 'line 1\nline 2', { leg: 'decode' }))
    })
    const last = rows.at(-1)
    const [, json] = (last?.kind === 'broken' && /^data: (.*)\n\n$/.exec(last.text)) || []
    assert.deepEqual(JSON.parse(json ?? ''), {
      error: {
        message: 'line 1\nline 2',
        type: 'timeout_error',
        param: null,
        code: 504,
        reason: 'engine-stalled',
        leg: 'decode',
      },
    })
    assert.deepEqual(calls, ['commit', 'engine-error'])
  })

  test('counts a stream in which the engine reports an error as broken, and adds no second error', () => {
    const failure = transportFailure('decode', { kind: 'reset', message: 'reset', isStaleSocket: false })
    for (const [end, row] of [
      [(response: ResponseSender) => response.onEnd(), { kind: 'end', id: 7 }],
      [(response: ResponseSender) => response.onStreamError(failure), { kind: 'broken', id: 7, text: '' }],
    ] as const) {
      const { rows, calls } = sentBy(response => {
        response.onHead({ ...HEAD, status: 200, headers: [] })
        response.onData(Buffer.from('data: {"error":{"message":"m"}}\n\n'))
        response.onReportedError()
        end(response)
      })
      assert.deepEqual([rows.at(-1), calls], [row, ['commit', 'broken']])
    }
  })
})
