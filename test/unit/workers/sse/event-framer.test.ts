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

interface Framed {
  readonly forwarded: string
  readonly pieces: readonly string[]
  readonly rest: string
  readonly isDone: boolean
  readonly isRestDone: boolean
}

/** The result for the stream, split before each of the positions. */
function framed(text: string, cuts: readonly number[]): Framed {
  const bytes = Buffer.from(text)
  const framer = new EventFramer()
  const pieces: string[] = []
  let start = 0
  for (const cut of [...cuts.map(position => position % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    // latin1: a piece of rest may end within a character.
    const piece = Buffer.from(framer.push(bytes.subarray(start, cut))).toString('latin1')
    if (piece !== '') pieces.push(piece)
    start = cut
  }
  const rest = Buffer.from(framer.rest()).toString('latin1')
  return {
    forwarded: pieces.join(''),
    pieces,
    rest,
    isDone: framer.isDone,
    isRestDone: framer.isRestDone,
  }
}

const splitStreams = fc.tuple(fc.constantFrom(...STREAMS), fc.array(fc.nat(), { maxLength: 12 }))

suite('EventFramer', () => {
  test('forwards the same bytes and reaches the same state for every split', () => {
    fc.assert(
      fc.property(splitStreams, ([text, cuts]) => {
        const { pieces: _, ...whole } = framed(text, [])
        const { pieces: __, ...split } = framed(text, cuts)
        assert.deepEqual(split, whole)
      }),
      { seed: 5, numRuns: 5000 },
    )
  })

  test('does so if every byte arrives separately', () => {
    for (const text of STREAMS) {
      const cuts = Array.from({ length: Buffer.byteLength(text) }, (_, index) => index)
      assert.equal(framed(text, cuts).forwarded, framed(text, []).forwarded)
      assert.equal(framed(text, cuts).isDone, framed(text, []).isDone)
    }
  })

  test('loses no byte and keeps their order', () => {
    fc.assert(
      fc.property(splitStreams, ([text, cuts]) => {
        const { forwarded, rest } = framed(text, cuts)
        assert.equal(forwarded + rest, Buffer.from(text).toString('latin1'))
      }),
      { seed: 6, numRuns: 1000 },
    )
  })

  test('forwards whole events only, so that an error event can follow at any time', () => {
    fc.assert(
      fc.property(splitStreams, ([text, cuts]) => {
        for (const piece of framed(text, cuts).pieces) assert.match(piece, /(?:\n\n|\r\n\r\n)$/)
      }),
      { seed: 7, numRuns: 1000 },
    )
  })

  test('passes on a read that ends with an event without copying it', () => {
    const read = Buffer.from('data: 1\n\ndata: 2\n\n')
    assert.equal(new EventFramer().push(read), read)
  })

  test('keeps held bytes when the read buffer is reused', () => {
    const framer = new EventFramer()
    const read = Buffer.from('data: 1')
    framer.push(read)
    read.fill(0)
    assert.equal(Buffer.from(framer.push(Buffer.from('\n\n'))).toString(), 'data: 1\n\n')
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
    const verb = isDone || isRestDone ? 'accepts' : 'does not accept'
    test(`${verb} ${JSON.stringify(text.slice(-40))} as the end of a stream`, () => {
      for (let cut = 0; cut <= text.length; cut++) {
        const result = framed(text, [cut])
        assert.deepEqual([result.isDone, result.isRestDone], [isDone, isRestDone], `cut at ${cut}`)
      }
    })
  }
})
