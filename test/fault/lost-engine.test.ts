/** Requests that an engine has taken, and will never answer because its process is being ended, are sent to another. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import type { Leg } from '../../src/core/errors.ts'
import { startGateway } from '../../src/gateway.ts'
import { until } from '../support/until.ts'
import { soundResponse } from './faults.ts'
import { type Script, type ScriptedEngine, scriptedEngine } from './scripted-engine.ts'
import { sendRequest } from './send-request.ts'
import { type Shape, soundPayload } from './sound-responses.ts'

const MODEL = 'lost'
const OTHER_LEG = { prefill: 'decode', decode: 'prefill' } as const
const SHAPES: readonly Shape[] = [true, false].map(isStream => ({ endpoint: 'chat', isStream }))

const SILENT: Script = { respond: () => ({ pieces: [], ending: 'hang' }) }

function soundScript(leg: Leg, shape: Shape): Script {
  return { respond: ({ rid }) => soundResponse(leg, shape, rid) }
}

/** Decode waits for a prefill engine that never answers. Requests that `silent` has not got are answered. */
function partnerScript(leg: Leg, shape: Shape, silent: () => ScriptedEngine): Script {
  return {
    respond: async ({ cell, rid, attempt }) => {
      if (leg === 'prefill' || attempt > 1) return soundResponse(leg, shape, rid)
      await until(() => silent().calls.length > 0)
      const isLost = silent().calls.some(call => call.cell === cell)
      return isLost ? { pieces: [], ending: 'hang' } : soundResponse(leg, shape, rid)
    },
  }
}

/** Two engines of the leg, one of which takes requests silently, and one of the other leg. */
async function openEngines(t: TestContext, leg: Leg, shape: Shape) {
  const silent = await scriptedEngine(leg, MODEL, SILENT)
  const sound = await scriptedEngine(leg, MODEL, soundScript(leg, shape))
  const other = OTHER_LEG[leg]
  const partner = await scriptedEngine(
    other,
    MODEL,
    partnerScript(other, shape, () => silent),
  )
  t.after(() => Promise.all([silent.close(), sound.close(), partner.close()]))
  const urls = { [leg]: [{ url: silent.url }, { url: sound.url }], [other]: [{ url: partner.url }] }
  return { silent, sound, partner, urls }
}

async function openGateway(t: TestContext, engines: object): Promise<string> {
  const gateway = await startGateway(
    configSchema.parse({
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0 },
      engines,
      policy: { main: 'round_robin' },
      health: { intervalSecs: 0.2 },
      retry: { initialBackoffMs: 1, maxBackoffMs: 2 },
      log: { level: 'error' },
    }),
  )
  t.after(() => gateway.close())
  const origin = `http://127.0.0.1:${gateway.port}`
  const isReady = async (): Promise<boolean> =>
    (await (await fetch(`${origin}/readiness`)).text()).includes('"healthy_workers":3')
  await until(isReady, 'all engines are healthy')
  return origin
}

// These tests mostly wait for probes.
suite('An engine whose process is being ended', { concurrency: 2 }, () => {
  for (const leg of ['prefill', 'decode'] as const) {
    for (const shape of SHAPES) {
      const what = shape.isStream ? 'stream' : 'whole response'
      test(`a ${what} that waits for a ${leg} engine without a listener is retried on another`, async t => {
        const { silent, sound, partner, urls } = await openEngines(t, leg, shape)
        const origin = await openGateway(t, urls)
        const ids = ['a', 'b']
        // In turn, so that one of the two requests is on each engine.
        const responses = ids.map(id => sendRequest(origin, { id, model: MODEL, shape }))
        await until(() => silent.calls.length === 1, 'a request is on the silent engine')
        silent.stopListening()
        const decode = leg === 'decode' ? sound : partner
        for (const [index, id] of ids.entries()) {
          const response = await responses[index]
          const text = await response?.text()
          const rid = decode.calls.findLast(({ cell }) => cell === id)?.rid ?? ''
          assert.deepEqual([response?.status, text], [200, soundPayload('decode', shape, rid)])
        }
        assert.equal(silent.calls.length, 1)
        const lost = silent.calls[0]?.cell
        assert.equal(sound.calls.filter(({ cell }) => cell === lost).length, 1)
      })
    }
  }
})
