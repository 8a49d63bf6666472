import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { EventFramer } from '../../../../workers/sse/event-framer.ts'

const STREAMS = [
  'data: {"a":1}\n\ndata: [DONE]\n\n',
  'data: {"a":1}\n\n: ping\n\ndata: {"a":2}\n\ndata:[DONE]\n\n',
  'data: a\r\n\r\ndata: b\r\ndata: c\r\n\r\ndata: [DONE]\r\n\r\n',
  'data: {"text":"data: [DONE]"}\n\ndata: {"text":"[DONE]"}\n\n',
  'data: é😀\n\ndata: [DONE]\n\n',
  'data: {"a":1}\n\ndata: [DONE]\n',
  'data: [DONE]\n\ndata: late\n\n',
  'data: 1\n\ndata: {"cut":',
  '\n\n\n\ndata: x\n\n',
]

interface Relayed {
  readonly forwarded: string
  readonly pieces: readonly string[]
  readonly rest: string
  readonly isDone: boolean
  readonly isRestDone: boolean
}

/** What a relay made of the stream, cut before each of the positions. */
function relayed(text: string, cuts: readonly number[]): Relayed {
  const bytes = Buffer.from(text)
  const relay = new EventFramer()
  const pieces: string[] = []
  let from = 0
  for (const cut of [...cuts.map(each => each % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    // latin1: a piece of rest may end within a character.
    const piece = Buffer.from(relay.push(bytes.subarray(from, cut))).toString('latin1')
    if (piece !== '') pieces.push(piece)
    from = cut
  }
  const rest = Buffer.from(relay.rest()).toString('latin1')
  return {
    forwarded: pieces.join(''),
    pieces,
    rest,
    isDone: relay.isDone,
    isRestDone: relay.isRestDone,
  }
}

const splitStreams = fc.tuple(fc.constantFrom(...STREAMS), fc.array(fc.nat(), { maxLength: 12 }))

suite('EventFramer', () => {
  test('forwards the same bytes and reaches the same state for every split', () => {
    fc.assert(
      fc.property(splitStreams, ([text, cuts]) => {
        const { pieces: _, ...whole } = relayed(text, [])
        const { pieces: __, ...split } = relayed(text, cuts)
        assert.deepEqual(split, whole)
      }),
      { seed: 5, numRuns: 5000 },
    )
  })

  test('does so if every byte arrives separately', () => {
    for (const text of STREAMS) {
      const cuts = Array.from({ length: Buffer.byteLength(text) }, (_, index) => index)
      assert.equal(relayed(text, cuts).forwarded, relayed(text, []).forwarded)
      assert.equal(relayed(text, cuts).isDone, relayed(text, []).isDone)
    }
  })

  test('loses no byte and keeps their order', () => {
    fc.assert(
      fc.property(splitStreams, ([text, cuts]) => {
        const { forwarded, rest } = relayed(text, cuts)
        assert.equal(forwarded + rest, Buffer.from(text).toString('latin1'))
      }),
      { seed: 6, numRuns: 1000 },
    )
  })

  test('forwards whole events only, so that an error event can follow at any time', () => {
    fc.assert(
      fc.property(splitStreams, ([text, cuts]) => {
        for (const piece of relayed(text, cuts).pieces) assert.match(piece, /(?:\n\n|\r\n\r\n)$/)
      }),
      { seed: 7, numRuns: 1000 },
    )
  })

  test('passes on a read that ends with an event without copying it', () => {
    const read = Buffer.from('data: 1\n\ndata: 2\n\n')
    assert.equal(new EventFramer().push(read), read)
  })

  test('keeps held bytes when the read buffer is reused', () => {
    const relay = new EventFramer()
    const read = Buffer.from('data: 1')
    relay.push(read)
    read.fill(0)
    assert.equal(Buffer.from(relay.push(Buffer.from('\n\n'))).toString(), 'data: 1\n\n')
  })

  const ends: readonly [text: string, isDone: boolean, isRestDone: boolean][] = [
    ['', false, false],
    ['data: [DONE]\n\n', true, false],
    ['data:[DONE]\n\n', true, false],
    ['data: 1\r\n\r\ndata: [DONE]\r\n\r\n', true, false],
    ['data: [DONE]\n\n\n\n', true, false],
    ['data: [DONE]', false, true],
    ['data: [DONE]\n', false, true],
    ['data: 1\n\ndata:[DONE]\r\n', false, true],
    ['data: "data: [DONE]"\n\n', false, false],
    ['data: 1 data: [DONE]\n\n', false, false],
    ['data: {"text":"[DONE]"}\n\n', false, false],
    ['data: [DONE]\n\ndata: 2\n\n', false, false],
    ['data: [DON', false, false],
    [`data: ${'x'.repeat(100)}\n\ndata: [DONE`, false, false],
  ]
  for (const [text, isDone, isRestDone] of ends) {
    const verb = isDone || isRestDone ? 'takes' : 'does not take'
    test(`${verb} ${JSON.stringify(text.slice(-40))} for the end of a stream`, () => {
      for (let cut = 0; cut <= text.length; cut++) {
        const seen = relayed(text, [cut])
        assert.deepEqual([seen.isDone, seen.isRestDone], [isDone, isRestDone], `cut at ${cut}`)
      }
    })
  }
})
