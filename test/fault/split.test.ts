/** Where the network splits a stream changes neither how it is classified nor a byte that the client gets. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Leg } from '../../src/core/errors.ts'
import { DecodeLeg } from '../../workers/attempt/decode-leg.ts'
import { DONE_DIALECT } from '../../workers/dialects/done-dialect.ts'
import { SMALL_BODIES } from '../support/small-bodies.ts'
import { FAULTS } from './faults.ts'
import {
  chunk,
  LAST_CHUNK,
  type Script,
  type ScriptedResponse,
  STREAM_HEAD,
  scriptedEngine,
} from './scripted-engine.ts'
import { sendRequest } from './send-request.ts'
import { openGateway } from './setup.ts'
import { type Shape, soundPayload } from './sound-responses.ts'

const SHAPES: readonly Shape[] = (['generate', 'chat', 'completions'] as const).map(endpoint => ({
  endpoint,
  isStream: true,
}))
const RID = '0123456789abcdef0123456789abcdef'
/** Distance between the cuts over sockets, in bytes. Prime, so that cuts fall into all parts of events and characters. */
const STRIDE = 17
const LIMITS = { held: 1 << 20, preamble: 1 << 20, event: 1 << 20 }

/** What a leg reports and forwards of a stream that arrives in these pieces. */
function runLeg(pieces: readonly Uint8Array[]): string {
  const calls: string[] = []
  const forward = (bytes: Uint8Array): number => calls.push(Buffer.from(bytes).toString('latin1'))
  const leg = new DecodeLeg(
    LIMITS,
    {
      onDecodeUsage: () => undefined,
      onDecodeReady: () => {
        leg.commit()
        forward(leg.body.joined())
      },
      onDecodeComplete: ({ hasToken }, isTerminated) => calls.push(`complete ${hasToken} ${isTerminated}`),
      onDecodeError: ({ cause, error }) => calls.push(`failed ${cause} ${error.message}`),
      onDecodePromptError: ({ cause }) => calls.push(`prompt ${cause}`),
      onDecodeReportedError: ({ cause }) => calls.push(`reported ${cause}`),
      onErrorHead: () => calls.push('error head'),
      onDecodeBody: () => calls.push('a body'),
      onDecodeData: forward,
    },
    { bodies: SMALL_BODIES, dialect: DONE_DIALECT },
  )
  leg.onHead(200, ['content-type', 'text/event-stream'])
  for (const piece of pieces) leg.onData(piece)
  leg.onEnd()
  return calls.join('')
}

suite('a stream in two pieces, and byte by byte', () => {
  for (const shape of SHAPES)
    test(`${shape.endpoint}: is forwarded unchanged for every cut`, () => {
      const bytes = Buffer.from(soundPayload('decode', shape, RID))
      const expected = runLeg([bytes])
      assert.equal(expected, `${bytes.toString('latin1')}complete true true`)
      for (let cut = 1; cut < bytes.length; cut++)
        assert.equal(runLeg([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`)
      assert.equal(runLeg([...bytes].map(byte => Uint8Array.of(byte))), expected)
    })

  for (const { name, respond, isLate, fate } of FAULTS.filter(({ status }) => status !== 200))
    for (const shape of SHAPES) {
      const bytes = streamBytes(respond(shape, 'decode', RID).pieces)
      if (bytes === undefined) continue
      test(`${name}, ${shape.endpoint}: is classified the same for every cut`, () => {
        const expected = runLeg([bytes])
        for (let cut = 1; cut < bytes.length; cut++) {
          const actual = runLeg([bytes.subarray(0, cut), bytes.subarray(cut)])
          // An error of the engine after the commit is forwarded like any other event.
          if (fate === 'reported' && actual !== expected) {
            const forwarded = actual.replace(/reported [\w-]+(?=complete true true$)/, '')
            assert.equal(forwarded, `${bytes.toString('latin1')}complete true true`, `cut at ${cut}`)
            continue
          }
          const forwarded = actual.slice(0, actual.length - expected.length)
          assert.equal(actual.slice(forwarded.length), expected, `cut at ${cut}`)
          // A failure in one read with the first token is never seen by the client: another attempt is made.
          assert.ok(bytes.toString('latin1').startsWith(forwarded), `cut at ${cut}`)
          assert.ok(forwarded === '' || isLate === true, `cut at ${cut}`)
        }
      })
    }
})

/** The events of a response that is a chunked stream; `undefined` for any other response. */
function streamBytes(pieces: ScriptedResponse['pieces']): Buffer | undefined {
  const text = pieces.filter(piece => typeof piece === 'string').join('')
  if (!text.startsWith(STREAM_HEAD)) return undefined
  const events = [...text.slice(STREAM_HEAD.length).matchAll(/^data: .*$/gm)].map(([line]) => `${line}\n\n`)
  return events.length === 0 ? undefined : Buffer.from(events.join(''))
}

const MODEL = 'split'

/** The parts of a request's id, `split-<shape>-<cut>`. */
function cellOf(id: string): { readonly shape: Shape; readonly cut: number } {
  const [index, cut] = id.split('-').slice(1).map(Number)
  return { shape: SHAPES[index ?? 0] ?? { endpoint: 'chat', isStream: true }, cut: cut ?? 0 }
}

function wireBytes(leg: Leg, shape: Shape, rid: string): Buffer {
  return Buffer.from(STREAM_HEAD + chunk(soundPayload(leg, shape, rid)) + LAST_CHUNK)
}

function cuttingScript(leg: Leg): Script {
  return {
    respond: ({ cell, rid }) => {
      const { shape, cut } = cellOf(cell)
      const bytes = wireBytes(leg, shape, rid)
      return { pieces: [bytes.subarray(0, cut), bytes.subarray(cut)], ending: 'end' }
    },
  }
}

test('a stream that the engine sends in two pieces reaches the client complete, wherever it is cut', async t => {
  const prefill = await scriptedEngine('prefill', MODEL, cuttingScript('prefill'))
  const decode = await scriptedEngine('decode', MODEL, cuttingScript('decode'))
  t.after(() => Promise.all([prefill.close(), decode.close()]))
  const { origin } = await openGateway(t, [{ prefill, decode }], { maxRetries: 0, hasShortTimeouts: false })
  const check = async (shape: Shape, id: string): Promise<void> => {
    const response = await sendRequest(origin, { id, model: MODEL, shape })
    const text = await response.text()
    const rid = decode.calls.find(call => call.cell === id)?.rid ?? ''
    assert.equal(text, soundPayload('decode', shape, rid), id)
  }
  for (const [index, shape] of SHAPES.entries()) {
    const { length } = wireBytes('decode', shape, RID)
    const cuts = Array.from({ length: Math.floor(length / STRIDE) }, (_, step) => 1 + step * STRIDE)
    await Promise.all(cuts.map(cut => check(shape, `split-${index}-${cut}`)))
  }
})
