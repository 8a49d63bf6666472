import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { findSigns } from '../../../../workers/classify/stream-signs.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
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
  'data: a\n\r\ndata: b\r\n\ndata: c\n\n',
  'data: a\r\rdata: b\r\r',
  'data: a\n\rdata: b\r\n\rdata: c\r\r\ndata: d\n\r',
  'data: a\r\n\r\ndata: b\n\rdata: [DONE]\r',
]

interface Framed {
  readonly forwarded: string
  readonly pieces: readonly string[]
  readonly rest: string
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
    isRestDone: findSigns(framer.rest(), DONE_DIALECT)?.isDone === true,
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
      assert.equal(framed(text, cuts).isRestDone, framed(text, []).isRestDone)
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
        for (const piece of framed(text, cuts).pieces)
          assert.match(piece, /(?:\r\n|\n|\r)(?:\r\n|\n|\r)$|^\n$/)
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

  for (const [first, second] of [
    ['\n', '\n'],
    ['\n', '\r\n'],
    ['\n', '\r'],
    ['\r\n', '\n'],
    ['\r\n', '\r\n'],
    ['\r\n', '\r'],
    ['\r', '\r\n'],
    ['\r', '\r'],
  ] as const)
    test(`forwards an event at once that ends with ${JSON.stringify(first + second)}`, () => {
      const text = `data: x${first}${second}`
      for (let cut = 0; cut <= text.length; cut++) assert.equal(framed(text, [cut]).forwarded, text)
    })

  for (const text of ['data: x\n', 'data: x\r\n', 'data: x\r', 'data: x\r\ndata: y'])
    test(`holds ${JSON.stringify(text)}, which ends no event`, () => {
      for (let cut = 0; cut <= text.length; cut++) assert.equal(framed(text, [cut]).forwarded, '')
    })

  const ends: readonly [text: string, isRestDone: boolean][] = [
    ['', false],
    ['data: [DONE]', true],
    ['data: [DONE]\n', true],
    ['data: 1\n\ndata:[DONE]\r\n', true],
    ['data: 1\n\ndata: [DONE]\r', true],
    ['data: [DON', false],
    [`data: ${'x'.repeat(100)}\n\ndata: [DONE`, false],
  ]
  for (const [text, isRestDone] of ends) {
    const verb = isRestDone ? 'accepts' : 'does not accept'
    test(`${verb} ${JSON.stringify(text.slice(-40))} as the end of a stream`, () => {
      for (let cut = 0; cut <= text.length; cut++)
        assert.equal(framed(text, [cut]).isRestDone, isRestDone, `cut at ${cut}`)
    })
  }
})
