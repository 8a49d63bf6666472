/** Tests of bench/load/http-reader.ts: answers cut at every byte, and answers that are none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpReader } from '../../../../bench/load/http-reader.ts'

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
    head: (status, headers) => {
      result.status = status
      result.retryAfter = headers.get('retry-after')
    },
    body: bytes => {
      result.body += bytes.toString('latin1')
    },
    end: () => {
      result.isEnded = true
    },
  })
  reader.begin()
  for (const part of parts) result.fault ??= reader.push(part)
  if (isClosed) reader.close()
  result.isKeptAlive = reader.isKeptAlive
  return result
}

const SOUND = {
  'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nRetry-After: 3\r\n\r\nhello world',
  chunked:
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nretry-after:3\r\n\r\n5;x=y\r\nhello\r\n06\r\n world\r\n0\r\nA: b\r\n\r\n',
  'after an interim one':
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 11\r\nretry-after: 3\r\n\r\nhello world',
}

for (const [name, text] of Object.entries(SOUND)) {
  test(`an answer ${name} is read however it is cut`, () => {
    const bytes = Buffer.from(text)
    for (let at = 0; at <= bytes.length; at++) {
      const got = read([bytes.subarray(0, at), bytes.subarray(at)])
      const wanted = {
        status: 200,
        retryAfter: '3',
        body: 'hello world',
        isEnded: true,
        fault: undefined,
        isKeptAlive: true,
      }
      assert.deepEqual(got, wanted, `cut at ${at}`)
    }
    const single = Array.from(bytes, byte => Buffer.from([byte]))
    assert.equal(read(single).isEnded, true)
    assert.equal(read(single).body, 'hello world')
  })
}

test('an answer without a length ends with the connection, which is not taken again', () => {
  const bytes = [Buffer.from('HTTP/1.1 200 OK\r\n\r\nhello')]
  assert.equal(read(bytes).isEnded, false)
  assert.deepEqual([read(bytes, true).isEnded, read(bytes, true).isKeptAlive], [true, false])
})

for (const head of ['HTTP/1.1 200 OK\r\nconnection: close', 'HTTP/1.0 200 OK']) {
  test(`the connection is not taken again after ${JSON.stringify(head)}`, () => {
    assert.equal(read([Buffer.from(`${head}\r\ncontent-length: 0\r\n\r\n`)]).isKeptAlive, false)
  })
}

test('an answer that is cut short has no end', () => {
  for (const text of Object.values(SOUND)) {
    assert.equal(read([Buffer.from(text).subarray(0, -1)], true).isEnded, false)
  }
})

const UNSOUND = {
  'is no HTTP': 'SSH-2.0-x\r\n\r\n',
  'has a header without a colon': 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n',
  'has two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  'has a length that is no number': 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
  'has a chunk size that is no number': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
  'has a chunk longer than its size': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n',
  'goes on after its end': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab',
}

for (const [name, text] of Object.entries(UNSOUND)) {
  test(`an answer that ${name} is a fault`, () => {
    assert.equal(typeof read([Buffer.from(text)]).fault, 'string')
  })
}
