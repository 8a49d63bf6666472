/** How many engines a request of several parts can end, and that parts of an engine that has ended are repeated. */
import assert from 'node:assert/strict'
import { after, beforeEach, suite, test } from 'node:test'
import { postTo } from '../support/read-body.ts'
import { until } from '../support/until.ts'
import { soundResponse } from './faults.ts'
import { type ScriptedResponse, scriptedEngine } from './scripted-engine.ts'
import { openGateway } from './setup.ts'
import type { Shape } from './sound-responses.ts'

const MODEL = 'parts'
const PAIRS = 8
const PARTS = 4
const SHAPES: readonly Shape[] = [
  { endpoint: 'generate', isStream: false },
  { endpoint: 'generate', isStream: true },
]
const RESET: ScriptedResponse = { pieces: [], ending: 'reset' }

/** Number of decode engines that reset every request from now on. */
let sick = 0

function shapeOf(cell: string): Shape {
  return { endpoint: 'generate', isStream: cell.endsWith('stream') }
}

const engines = await Promise.all(
  Array.from({ length: PAIRS }, async (_, index) => ({
    prefill: await scriptedEngine('prefill', MODEL, {
      respond: ({ cell, rid }) => soundResponse('prefill', shapeOf(cell), rid),
    }),
    decode: await scriptedEngine('decode', MODEL, {
      respond: ({ cell, rid }) => (index < sick ? RESET : soundResponse('decode', shapeOf(cell), rid)),
    }),
  })),
)
const { origin } = await openGateway({ after }, engines, { maxRetries: 3, hasShortTimeouts: false })
/** Lost parts wait here for longer than any test. */
const patient = await openGateway({ after }, engines, {
  maxRetries: 3,
  hasShortTimeouts: false,
  lossHoldMs: 600_000,
})
after(() => Promise.all(engines.flatMap(({ prefill, decode }) => [prefill.close(), decode.close()])))

let requests = 0

function callsOf(id: string): number {
  return engines.flatMap(({ decode }) => decode.calls).filter(({ cell }) => cell === id).length
}

async function send(
  isStream: boolean,
  fields: object,
  { id, of } = { id: `parts-${requests++}-${isStream ? 'stream' : 'whole'}`, of: origin },
): Promise<{ status: number; text: string; calls: number }> {
  const headers = { 'content-type': 'application/json', 'x-request-id': id }
  const response = await postTo(`${of}/generate`, headers, JSON.stringify({ ...fields, stream: isStream }))
  const { text } = await response.body
  return { status: response.status, text, calls: callsOf(id) }
}

suite('A request of several parts', () => {
  beforeEach(() => (sick = 0))

  for (const { isStream } of SHAPES)
    for (const [what, fields] of [
      ['samples', { text: 'x', sampling_params: { n: PARTS } }],
      ['prompts', { text: Array.from({ length: PARTS }, () => 'x') }],
    ] as const) {
      test(`whose ${what} end every engine is repeated on one more engine only, ${isStream ? 'as a stream' : 'whole'}`, async () => {
        sick = PAIRS
        const { status, calls } = await send(isStream, fields)
        assert.equal(status, 502)
        assert.ok(calls <= PARTS + 1, `${calls} legs`)
      })

      test(`has all its ${what} although an engine has ended, ${isStream ? 'as a stream' : 'whole'}`, async () => {
        sick = 1
        for (let round = 0; round < PAIRS; round++) {
          const { status, text } = await send(isStream, fields)
          assert.equal(status, 200, text)
          assert.doesNotMatch(text, /"error"/)
        }
      })
    }

  test('is sent to no more engines when it is aborted while its parts wait', async () => {
    sick = PAIRS
    const id = 'parts-aborted-whole'
    const fields = { text: 'x', rid: 'aborted-parts', sampling_params: { n: PARTS } }
    const sent = send(false, fields, { id, of: patient.origin })
    await until(() => callsOf(id) === PARTS + 1, 'one part is repeated')
    const headers = { 'content-type': 'application/json' }
    const aborted = await postTo(`${patient.origin}/abort_request`, headers, '{"rid":"aborted-parts"}')
    assert.equal(aborted.status, 200)
    const { status, text, calls } = await sent
    assert.equal(status, 200, text)
    assert.equal(calls, PARTS + 1)
  })
})
