/** Responses that are split at every byte, and invalid responses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpReader } from '../../../../../bench/load/connections/http-reader.ts'

interface Read {
  status: number
  retryAfter: string | undefined
  body: string
  isEnded: boolean
  fault: string | undefined
  isKeptAlive: boolean
}

function read(parts: readonly Buffer[], isClosed = false): Read {
  const result: Read = {
    status: 0,
    retryAfter: undefined,
    body: '',
    isEnded: false,
    fault: undefined,
    isKeptAlive: false,
  }
  const reader = new HttpReader({
    onHead: (status, headers) => {
      result.status = status
      result.retryAfter = headers.get('retry-after')
    },
    onData: bytes => {
      result.body += bytes.toString('latin1')
    },
    onEnd: () => {
      result.isEnded = true
    },
  })
  reader.begin()
  for (const part of parts) result.fault ??= reader.push(part)
  if (isClosed) reader.close()
  result.isKeptAlive = reader.isKeptAlive
  return result
}

const VALID = {
  'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nRetry-After: 3\r\n\r\nhello world',
  chunked:
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nretry-after:3\r\n\r\n5;x=y\r\nhello\r\n06\r\n world\r\n0\r\nA: b\r\n\r\n',
  'after an informational response':
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 11\r\nretry-after: 3\r\n\r\nhello world',
}

for (const [name, text] of Object.entries(VALID)) {
  test(`a response ${name} is parsed wherever it is split`, () => {
    const bytes = Buffer.from(text)
    for (let index = 0; index <= bytes.length; index++) {
      const parsed = read([bytes.subarray(0, index), bytes.subarray(index)])
      const expected = {
        status: 200,
        retryAfter: '3',
        body: 'hello world',
        isEnded: true,
        fault: undefined,
        isKeptAlive: true,
      }
      assert.deepEqual(parsed, expected, `split at ${index}`)
    }
    const single = Array.from(bytes, byte => Buffer.from([byte]))
    assert.equal(read(single).isEnded, true)
    assert.equal(read(single).body, 'hello world')
  })
}

test('a response without a length ends with the connection, which is not reused', () => {
  const bytes = [Buffer.from('HTTP/1.1 200 OK\r\n\r\nhello')]
  assert.equal(read(bytes).isEnded, false)
  assert.deepEqual([read(bytes, true).isEnded, read(bytes, true).isKeptAlive], [true, false])
})

for (const head of ['HTTP/1.1 200 OK\r\nconnection: close', 'HTTP/1.0 200 OK']) {
  test(`the connection is not reused after ${JSON.stringify(head)}`, () => {
    assert.equal(read([Buffer.from(`${head}\r\ncontent-length: 0\r\n\r\n`)]).isKeptAlive, false)
  })
}

test('a truncated response does not end', () => {
  for (const text of Object.values(VALID)) {
    assert.equal(read([Buffer.from(text).subarray(0, -1)], true).isEnded, false)
  }
})

const INVALID = {
  'is not HTTP': 'SSH-2.0-x\r\n\r\n',
  'has a header without a colon': 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n',
  'has two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  'has a length that is not a number': 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
  'has a chunk size that is not a number': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
  'has a chunk longer than its size': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n',
  'continues after its end': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab',
}

for (const [name, text] of Object.entries(INVALID)) {
  test(`a response that ${name} is a protocol error`, () => {
    assert.equal(typeof read([Buffer.from(text)]).fault, 'string')
  })
}
