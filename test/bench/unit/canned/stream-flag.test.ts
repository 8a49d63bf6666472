import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamFlag } from '../../../../bench/canned/stream-flag.ts'

const BODY = '{"text":"a long enough prompt","stream": true,"max_new_tokens":8}'

test('the stream flag is found wherever the body is split', () => {
  for (let index = 0; index <= BODY.length; index += 1) {
    const flag = new StreamFlag()
    flag.scan(Buffer.from(BODY.slice(0, index)))
    assert.equal(flag.scan(Buffer.from(BODY.slice(index))), true, `split at ${index}`)
  }
})

test('the stream flag is found when the body arrives byte by byte', () => {
  const flag = new StreamFlag()
  for (const byte of Buffer.from(BODY)) flag.scan(Buffer.from([byte]))
  assert.equal(flag.scan(Buffer.alloc(0)), true)
})

test('a body without the stream flag does not request a stream', () => {
  for (const body of ['{}', '{"stream":false}', '{"stream":', 'true']) {
    assert.equal(new StreamFlag().scan(Buffer.from(body)), false, body)
  }
})
