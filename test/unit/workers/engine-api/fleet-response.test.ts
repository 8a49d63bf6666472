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

function responseOf(role: Role, body: object | string, status = 200): EngineResponse {
  const engine = engineOf({ role, slot: role === 'prefill' ? 0 : 1 })
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { engine, status, headers: [], body: Buffer.from(text) }
}

const DEAD = responseOf('decode', 'connection refused', 0)
const BROKEN = responseOf('decode', 'Internal Server Error', 500)

function bodyOf(response: FleetResponse): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every response is an object
  return JSON.parse(response.body) as Record<string, unknown>
}

for (const [name, merge] of Object.entries({ firstGood, modelsOf, serverInfoOf })) {
  test(`${name} reports the response of each engine if none was successful`, () => {
    assert.throws(
      () => merge([DEAD, BROKEN]),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError)
        assert.equal(error.status, 502)
        assert.match(
          error.message,
          /decode engine \(unreachable\).*connection refused; decode engine \(500\).*Internal Server Error/,
        )
        assert.ok(!error.message.includes(D), 'a client learns no address')
        assert.ok(String(error.cause).includes(D), 'the log does')
        return true
      },
    )
  })
}

test('firstGood returns the first successful response unchanged', () => {
  const text = '{ "model_path": "é",  "n":1.0 }'
  assert.deepEqual(firstGood([BROKEN, responseOf('prefill', text), responseOf('decode', '{}')]), {
    status: 200,
    body: text,
  })
})

suite('modelsOf', () => {
  test('lists every model of any engine once, in the order of the engines', () => {
    const responses = [
      responseOf('prefill', { object: 'list', data: [{ id: 'a' }, { id: 'b' }] }),
      responseOf('decode', { object: 'list', data: [{ id: 'b' }, { id: 'c' }] }),
      DEAD,
    ]
    assert.deepEqual(bodyOf(modelsOf(responses)), {
      object: 'list',
      data: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    })
  })

  test('ignores an invalid response', () => {
    for (const nonsense of ['<html>', '[]', '7', '{"data":7}']) {
      const responses = [responseOf('prefill', nonsense), responseOf('decode', { data: [{ id: 'a' }] })]
      assert.deepEqual(bodyOf(modelsOf(responses)), { object: 'list', data: [{ id: 'a' }] })
    }
  })
})

suite('serverInfoOf', () => {
  test('lists prefill and decode separately and shows decode’s states', () => {
    const responses = [
      responseOf('prefill', { internal_states: [{ p: 1 }] }),
      responseOf('decode', { version: 'v', internal_states: [{ d: 1 }, { d: 2 }] }),
    ]
    assert.deepEqual(bodyOf(serverInfoOf(responses)), {
      internal_states: [{ d: 1 }, { d: 2 }],
      prefill: [{ url: P, internal_states: [{ p: 1 }] }],
      decode: [{ url: D, version: 'v', internal_states: [{ d: 1 }, { d: 2 }] }],
    })
  })

  test('passes on the response of a mixed engine', () => {
    const responses = [responseOf('mixed', { version: 'v', internal_states: [{ m: 1 }] })]
    assert.deepEqual(bodyOf(serverInfoOf(responses)), {
      url: D,
      version: 'v',
      internal_states: [{ m: 1 }],
      prefill: [],
      decode: [],
    })
  })

  test('shows no keys of engines, in either mode', () => {
    const secret = { api_key: 'secret', internal_states: [{ admin_api_key: 'secret' }] }
    for (const roles of [['prefill', 'decode'], ['mixed']] as const) {
      const { body } = serverInfoOf(roles.map(role => responseOf(role, secret)))
      assert.doesNotMatch(body, /secret|api_key/)
    }
  })

  test('is an error without a decode engine, because clients read the first', () => {
    assert.throws(() => serverInfoOf([responseOf('prefill', {}), DEAD]), { code: 'no-engine-available' })
  })
})

test('loadsOf lists all loads with their engine, and an error for an engine that did not respond', () => {
  const response = loadsOf([
    responseOf('prefill', { loads: [{ dp_rank: 0, num_running_reqs: 2 }, { dp_rank: 1 }] }),
    DEAD,
    responseOf('decode', '<html>'),
  ])
  const body = bodyOf(response)
  assert.ok(!Number.isNaN(Date.parse(String(body['timestamp']))))
  assert.deepEqual(body['loads'], [
    { engine: P, role: 'prefill', dp_rank: 0, num_running_reqs: 2 },
    { engine: P, role: 'prefill', dp_rank: 1 },
    { engine: D, role: 'decode', error: 'connection refused' },
  ])
})

suite('fanOutResult', () => {
  test('is 200 if all engines succeeded', () => {
    const response = fanOutResult([responseOf('prefill', 'ok\n'), responseOf('decode', '', 204)], 502)
    assert.equal(response.status, 200)
    assert.deepEqual(bodyOf(response), {
      success: true,
      results: [
        { engine: P, role: 'prefill', status: 200, message: 'ok' },
        { engine: D, role: 'decode', status: 204, message: '' },
      ],
    })
  })

  test('is the given status if an engine failed, and reports which and why', () => {
    const response = fanOutResult([responseOf('prefill', 'ok'), BROKEN, DEAD], 503)
    assert.equal(response.status, 503)
    const body = bodyOf(response)
    assert.equal(body['success'], false)
    assert.equal(Array.isArray(body['results']) && body['results'].length, 3)
    assert.match(JSON.stringify(body['error']), /"2 of 3 engines failed: .*\(500\) Internal.*\(unreachable\)/)
  })

  test('names no address in its message, not even that of a failed connection', () => {
    const refused = responseOf('decode', 'connect ECONNREFUSED 10.1.2.3:30000', 0)
    const { error } = bodyOf(fanOutResult([refused], 503))
    assert.match(JSON.stringify(error), /decode engine \(unreachable\) connect ECONNREFUSED …/)
  })

  test('limits how much of an engine’s response it repeats', () => {
    assert.ok(fanOutResult([responseOf('decode', 'x'.repeat(1e6), 500)], 502).body.length < 2000)
  })
})
