/** Where the network cuts a stream makes no difference: not to the verdict on it, not to a byte that the client gets. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Leg } from '../../src/core/errors.ts'
import { DecodeLeg } from '../../workers/attempt/decode-leg.ts'
import { ask } from './ask.ts'
import { FAULTS } from './faults.ts'
import { chunk, LAST_CHUNK, type Script, STREAM_HEAD, scriptedEngine } from './scripted-engine.ts'
import { type Shape, soundPayload } from './sound-answers.ts'
import { openStage } from './stage.ts'

const SHAPES: readonly Shape[] = (['generate', 'chat', 'completions'] as const).map(endpoint => ({
  endpoint,
  isStream: true,
}))
const RID = '0123456789abcdef0123456789abcdef'
/** Every so many bytes a cut over sockets; prime, so that cuts fall on all parts of events and characters. */
const STRIDE = 17
const LIMITS = { held: 1 << 20, event: 1 << 20 }

/** What a leg tells and passes on of a stream that comes in these pieces. */
function take(pieces: readonly Uint8Array[]): string {
  const heard: string[] = []
  const pass = (bytes: Uint8Array): number => heard.push(Buffer.from(bytes).toString('latin1'))
  const leg = new DecodeLeg(LIMITS, {
    onDecodeReady: () => {
      leg.commit()
      pass(leg.body.joined())
    },
    onDecodeComplete: ({ hasToken }, isTerminated) => heard.push(`complete ${hasToken} ${isTerminated}`),
    onDecodeError: ({ cause, error }) => heard.push(`failed ${cause} ${error.message}`),
    onDecodePromptError: ({ cause }) => heard.push(`prompt ${cause}`),
    onDecodeErrorHead: () => heard.push('refused'),
    onDecodeBody: () => heard.push('a body'),
    onDecodeData: pass,
  })
  leg.onHead(200, ['content-type', 'text/event-stream'])
  for (const piece of pieces) leg.onData(piece)
  leg.onEnd()
  return heard.join('')
}

suite('a stream in two pieces, and byte by byte', () => {
  for (const shape of SHAPES)
    test(`${shape.endpoint}: is passed on as it is, for every cut`, () => {
      const bytes = Buffer.from(soundPayload('decode', shape, RID))
      const expected = take([bytes])
      assert.equal(expected, `${bytes.toString('latin1')}complete true true`)
      for (let cut = 1; cut < bytes.length; cut++)
        assert.equal(take([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`)
      assert.equal(take([...bytes].map(byte => Uint8Array.of(byte))), expected)
    })

  for (const { name, play, isLate } of FAULTS.filter(({ status }) => status !== 200))
    for (const shape of SHAPES) {
      const bytes = streamBytes(play(shape, 'decode', RID).pieces)
      if (bytes === undefined) continue
      test(`${name}, ${shape.endpoint}: gets the same verdict for every cut`, () => {
        const expected = take([bytes])
        for (let cut = 1; cut < bytes.length; cut++) {
          const heard = take([bytes.subarray(0, cut), bytes.subarray(cut)])
          const passed = heard.slice(0, heard.length - expected.length)
          assert.equal(heard.slice(passed.length), expected, `cut at ${cut}`)
          // A failure in one read with the first token stays between us and the engine: another attempt is made.
          assert.ok(bytes.toString('latin1').startsWith(passed), `cut at ${cut}`)
          assert.ok(passed === '' || isLate === true, `cut at ${cut}`)
        }
      })
    }
})

/** The payload of a play that is one chunk after the other of a stream; `undefined` for all others. */
function streamBytes(pieces: readonly (string | Uint8Array)[]): Buffer | undefined {
  const text = pieces.join('')
  if (!text.startsWith(STREAM_HEAD)) return undefined
  const events = [...text.slice(STREAM_HEAD.length).matchAll(/^data: .*$/gm)].map(([line]) => `${line}\n\n`)
  return events.length === 0 ? undefined : Buffer.from(events.join(''))
}

const MODEL = 'split'

/** What a request's id says: `split-<shape>-<cut>`. */
function cellOf(id: string): { readonly shape: Shape; readonly cut: number } {
  const [index, cut] = id.split('-').slice(1).map(Number)
  return { shape: SHAPES[index ?? 0] ?? { endpoint: 'chat', isStream: true }, cut: cut ?? 0 }
}

function wireBytes(leg: Leg, shape: Shape, rid: string): Buffer {
  return Buffer.from(STREAM_HEAD + chunk(soundPayload(leg, shape, rid)) + LAST_CHUNK)
}

function cuttingScript(leg: Leg): Script {
  return {
    play: ({ cell, rid }) => {
      const { shape, cut } = cellOf(cell)
      const bytes = wireBytes(leg, shape, rid)
      return { pieces: [bytes.subarray(0, cut), bytes.subarray(cut)], ending: 'end' }
    },
  }
}

test('a stream that leaves the engine in two pieces reaches the client whole, wherever it is cut', async t => {
  const prefill = await scriptedEngine('prefill', MODEL, cuttingScript('prefill'))
  const decode = await scriptedEngine('decode', MODEL, cuttingScript('decode'))
  t.after(() => Promise.all([prefill.close(), decode.close()]))
  const { origin } = await openStage(t, [{ prefill, decode }], { maxRetries: 0, isHasty: false })
  const check = async (shape: Shape, id: string): Promise<void> => {
    const response = await ask(origin, { id, model: MODEL, shape })
    const text = await response.text()
    const rid = decode.calls.find(call => call.cell === id)?.rid ?? ''
    assert.equal(text, soundPayload('decode', shape, rid), id)
  }
  for (const [index, shape] of SHAPES.entries()) {
    const { length } = wireBytes('decode', shape, RID)
    const cuts = Array.from({ length: Math.floor(length / STRIDE) }, (_, at) => 1 + at * STRIDE)
    await Promise.all(cuts.map(cut => check(shape, `split-${index}-${cut}`)))
  }
})
