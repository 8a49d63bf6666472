import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Role } from '../../../../src/core/engine.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import type { EngineResponse } from '../../../../workers/engine-api/engine-call.ts'
import {
  type FleetResponse,
  fanOutResult,
  firstGood,
  loadsOf,
  modelsOf,
  serverInfoOf,
} from '../../../../workers/engine-api/fleet-response.ts'
import { engineOf } from '../../../support/engines.ts'

const P = 'http://127.0.0.1:30000'
const D = 'http://127.0.0.1:30001'

function answerOf(role: Role, body: object | string, status = 200): EngineResponse {
  const engine = engineOf({ role, slot: role === 'prefill' ? 0 : 1 })
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { engine, status, headers: [], body: Buffer.from(text) }
}

const DEAD = answerOf('decode', 'connection refused', 0)
const BROKEN = answerOf('decode', 'Internal Server Error', 500)

function bodyOf(answer: FleetResponse): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every answer is an object
  return JSON.parse(answer.body) as Record<string, unknown>
}

for (const [name, merge] of Object.entries({ firstGood, modelsOf, serverInfoOf })) {
  test(`${name} says what each engine said when none gave an answer`, () => {
    assert.throws(
      () => merge([DEAD, BROKEN]),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError)
        assert.equal(error.status, 502)
        assert.match(error.message, /unreachable.*connection refused; .*500.*Internal Server Error/)
        return true
      },
    )
  })
}

test('firstGood gives the first good answer, byte by byte', () => {
  const text = '{ "model_path": "é",  "n":1.0 }'
  assert.deepEqual(firstGood([BROKEN, answerOf('prefill', text), answerOf('decode', '{}')]), {
    status: 200,
    body: text,
  })
})

suite('modelsOf', () => {
  test('lists every model of any engine once, in the order of the engines', () => {
    const answers = [
      answerOf('prefill', { object: 'list', data: [{ id: 'a' }, { id: 'b' }] }),
      answerOf('decode', { object: 'list', data: [{ id: 'b' }, { id: 'c' }] }),
      DEAD,
    ]
    assert.deepEqual(bodyOf(modelsOf(answers)), {
      object: 'list',
      data: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    })
  })

  test('survives an engine that answers nonsense', () => {
    for (const nonsense of ['<html>', '[]', '7', '{"data":7}']) {
      const answers = [answerOf('prefill', nonsense), answerOf('decode', { data: [{ id: 'a' }] })]
      assert.deepEqual(bodyOf(modelsOf(answers)), { object: 'list', data: [{ id: 'a' }] })
    }
  })
})

suite('serverInfoOf', () => {
  test('keeps prefill and decode apart and shows decode’s states', () => {
    const answers = [
      answerOf('prefill', { internal_states: [{ p: 1 }] }),
      answerOf('decode', { version: 'v', internal_states: [{ d: 1 }, { d: 2 }] }),
    ]
    assert.deepEqual(bodyOf(serverInfoOf(answers)), {
      internal_states: [{ d: 1 }, { d: 2 }],
      prefill: [{ url: P, internal_states: [{ p: 1 }] }],
      decode: [{ url: D, version: 'v', internal_states: [{ d: 1 }, { d: 2 }] }],
    })
  })

  test('passes the info of an engine that does both on', () => {
    const answers = [answerOf('mixed', { version: 'v', internal_states: [{ m: 1 }] })]
    assert.deepEqual(bodyOf(serverInfoOf(answers)), {
      url: D,
      version: 'v',
      internal_states: [{ m: 1 }],
      prefill: [],
      decode: [],
    })
  })

  test('is an error without any decode engine: readers take the first', () => {
    assert.throws(() => serverInfoOf([answerOf('prefill', {}), DEAD]), { code: 'no-engine-available' })
  })
})

test('loadsOf lists all loads with their engine, and an error for an engine that did not answer', () => {
  const answer = loadsOf([
    answerOf('prefill', { loads: [{ dp_rank: 0, num_running_reqs: 2 }, { dp_rank: 1 }] }),
    DEAD,
    answerOf('decode', '<html>'),
  ])
  const body = bodyOf(answer)
  assert.ok(!Number.isNaN(Date.parse(String(body['timestamp']))))
  assert.deepEqual(body['loads'], [
    { engine: P, role: 'prefill', dp_rank: 0, num_running_reqs: 2 },
    { engine: P, role: 'prefill', dp_rank: 1 },
    { engine: D, role: 'decode', error: 'connection refused' },
  ])
})

suite('fanOutResult', () => {
  test('is 200 when all engines said yes', () => {
    const answer = fanOutResult([answerOf('prefill', 'ok\n'), answerOf('decode', '', 204)], 502)
    assert.equal(answer.status, 200)
    assert.deepEqual(bodyOf(answer), {
      success: true,
      results: [
        { engine: P, role: 'prefill', status: 200, message: 'ok' },
        { engine: D, role: 'decode', status: 204, message: '' },
      ],
    })
  })

  test('is the given failure when one said no, and says which and why', () => {
    const answer = fanOutResult([answerOf('prefill', 'ok'), BROKEN, DEAD], 503)
    assert.equal(answer.status, 503)
    const body = bodyOf(answer)
    assert.equal(body['success'], false)
    assert.equal(Array.isArray(body['results']) && body['results'].length, 3)
    assert.match(JSON.stringify(body['error']), /"2 of 3 engines failed: .*\(500\) Internal.*\(unreachable\)/)
  })

  test('bounds what it repeats of an engine', () => {
    assert.ok(fanOutResult([answerOf('decode', 'x'.repeat(1e6), 500)], 502).body.length < 2000)
  })
})
