import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  greeting,
  message,
  ready,
  ZmtpError,
  type ZmtpItem,
  ZmtpReader,
} from '../../../src/kv-events/zmtp-frames.ts'

const MAX_BYTES = 100_000

/** Everything that a reader finds, however the bytes are cut. */
function readIn(bytes: Buffer, cuts: readonly number[]): ZmtpItem[] {
  const reader = new ZmtpReader(MAX_BYTES)
  const ends = [...cuts.map(cut => cut % bytes.length).toSorted((a, b) => a - b), bytes.length]
  let start = 0
  return ends.flatMap(end => {
    const items = reader.push(Buffer.from(bytes.subarray(start, end)))
    start = end
    return items
  })
}

suite('ZMTP', () => {
  test('is read the same however the bytes arrive', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(frames, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (messages, cuts) => {
          const bytes = Buffer.concat([greeting(), ready('SUB'), ...messages.map(message)])
          const [command, ...items] = readIn(bytes, cuts)
          assert.ok(command?.kind === 'command')
          assert.equal(command.name, 'READY')
          assert.deepEqual(
            items.map(item => (item.kind === 'message' ? item.frames.map(body => [...body]) : item)),
            messages.map(bodies => bodies.map(body => [...body])),
          )
        },
      ),
      { seed: 16, numRuns: 300 },
    )
  })

  test('never throws anything but its own error, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 200 }), (isGreeted, bytes) => {
        const reader = new ZmtpReader(MAX_BYTES)
        try {
          if (isGreeted) reader.push(greeting())
          reader.push(Buffer.from(bytes))
        } catch (error) {
          assert.ok(error instanceof ZmtpError)
        }
      }),
      { seed: 16, numRuns: 1000 },
    )
  })

  for (const [what, bytes, reason] of [
    ['a web server', Buffer.from(`HTTP/1.1 400 Bad Request\r\n${'x'.repeat(64)}`), /ZMTP 3/],
    ['ZeroMQ 3', Buffer.concat([greeting().fill(1, 10, 11), ready('SUB')]), /ZMTP 3/],
    ['a peer with passwords', greeting().fill('PLAIN', 12, 17), /mechanism PLAIN/],
    [
      'a message beyond the limit',
      Buffer.concat([greeting(), message([Buffer.alloc(MAX_BYTES + 1)])]),
      /larger than/,
    ],
    [
      'a message beyond the limit in several frames',
      Buffer.concat([greeting(), message([Buffer.alloc(MAX_BYTES), Buffer.alloc(1)])]),
      /larger than/,
    ],
    [
      'a message of endless frames',
      Buffer.concat([greeting(), message(Array(20).fill(Buffer.alloc(1)))]),
      /frames/,
    ],
  ] as const)
    test(`is not understood from ${what}`, () => {
      assert.throws(
        () => new ZmtpReader(MAX_BYTES).push(bytes),
        (error: unknown) => error instanceof ZmtpError && reason.test(error.message),
      )
    })
})
