import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { GatewayError } from '../../../../src/core/errors.ts'
import { countingEngines, countOf, modelIn } from '../../../../workers/engine-api/count-tokens.ts'
import type { EngineResponse } from '../../../../workers/engine-api/engine-call.ts'
import { type SteppedWork, TurnQueue } from '../../../../workers/turns/turn-queue.ts'
import { engineOf } from '../../../support/engines.ts'

const LIMITS = { members: 1024, prompts: 1024, scanBytes: 1 << 20, nameBytes: 1024, stepBytes: 10_000 }
const ENGINES = [
  engineOf({ slot: 0, role: 'prefill', models: ['a'] }),
  engineOf({ slot: 1, role: 'decode', models: ['b'] }),
  engineOf({ slot: 2, role: 'decode', models: ['b'] }),
]

const slotsFor = (turn: number, model?: string): number[] =>
  countingEngines(ENGINES, model, turn).map(({ slot }) => slot)

function isError(code: string, status: number) {
  return (error: unknown): boolean =>
    error instanceof GatewayError && error.code === code && error.status === status
}

suite('The engines that count tokens', () => {
  test('take turns', () => {
    assert.deepEqual(
      [0, 1, 2, 3].map(turn => slotsFor(turn)[0]),
      [0, 1, 2, 0],
    )
  })

  test('are asked first if they have the model of the request, and the others after them', () => {
    assert.deepEqual(
      [slotsFor(0, 'b'), slotsFor(2, 'b')],
      [
        [1, 2, 0],
        [2, 1, 0],
      ],
    )
  })

  test('are not those of the server in Rust', () => {
    const rust = engineOf({ slot: 3, frontend: 'rust' })
    const slots = countingEngines([...ENGINES, rust], 'b', 0).map(({ slot }) => slot)
    assert.ok(!slots.includes(3))
    assert.throws(() => countingEngines([rust], 'b', 0), isError('endpoint-not-served', 404))
  })
})

suite('The model of a request to count', () => {
  const filler = 'x'.repeat(300_000)

  for (const [what, text, minSteps] of [
    ['a small body, at once', '', 0],
    ['a large body, in steps', filler, 5],
  ] as const) {
    test(`is read from ${what}`, async () => {
      const works: SteppedWork[] = []
      const reading = { limits: LIMITS, turns: { add: (work: SteppedWork) => works.push(work) } }
      const body = Buffer.from(`{"messages":[{"role":"user","content":"${text}"}],"model":"b"}`)
      const model = modelIn(body, reading)
      let steps = 0
      for (const work of works) {
        do steps++
        while (!work.step())
      }
      assert.equal(await model, 'b')
      assert.ok(steps >= minSteps, `${steps} steps`)
    })

    test(`is not read from ${what}, if it is no JSON`, async () => {
      const turns = new TurnQueue()
      const model = modelIn(Buffer.from(`{"a":"${text}`), { limits: LIMITS, turns })
      await assert.rejects(model, isError('invalid-json', 400))
    })
  }
})

function responseOf(status: number, body: string): EngineResponse {
  return { engine: engineOf(), status, headers: [], body: Buffer.from(body) }
}

suite('The count', () => {
  test("is the engine's own response", () => {
    assert.deepEqual(countOf(responseOf(200, '{"input_tokens":6}')), {
      status: 200,
      body: '{"input_tokens":6}',
    })
  })

  for (const [what, status, body, code, expected] of [
    ['a refusal of the engine', 400, '{"error":{"message":"model: Field required"}}', 'engine-error', 400],
    ['an engine that cannot be reached', 0, 'connect ECONNREFUSED', 'engine-error', 502],
    ['an engine without the path', 404, '{"detail":"Not Found"}', 'endpoint-not-served', 404],
  ] as const)
    test(`is an error for ${what}`, () => {
      assert.throws(() => countOf(responseOf(status, body)), isError(code, expected))
    })
})
