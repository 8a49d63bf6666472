/** Tests of bench/canned/stream-flag.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamFlag } from '../../../../bench/canned/stream-flag.ts'

const BODY = '{"text":"a long enough prompt","stream": true,"max_new_tokens":8}'

test('a stream is found wherever the body is split in two', () => {
  for (let at = 0; at <= BODY.length; at += 1) {
    const flag = new StreamFlag()
    flag.scan(Buffer.from(BODY.slice(0, at)))
    assert.equal(flag.scan(Buffer.from(BODY.slice(at))), true, `split at ${at}`)
  }
})

test('a stream is found when the body arrives byte by byte', () => {
  const flag = new StreamFlag()
  for (const byte of Buffer.from(BODY)) flag.scan(Buffer.from([byte]))
  assert.equal(flag.scan(Buffer.alloc(0)), true)
})

test('no stream is seen in a body that does not ask for one', () => {
  for (const body of ['{}', '{"stream":false}', '{"stream":', 'true']) {
    assert.equal(new StreamFlag().scan(Buffer.from(body)), false, body)
  }
})
