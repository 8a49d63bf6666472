import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { readFields } from '../../../../workers/request/fields.ts'
import { readTimeouts } from '../../../../workers/request/timeouts.ts'
import type { EngineRequest } from '../../../../workers/retry/engine-request.ts'
import { FanOut, type FanOutDependencies } from '../../../../workers/samples/fan-out.ts'
import type { SteppedWork } from '../../../../workers/turns/turn-queue.ts'

const CONFIG = configSchema.parse({ engines: { mode: 'mixed', mixed: [{ url: 'http://127.0.0.1:1' }] } })
const SAMPLES = 100

function ignore(): void {
  // All parts wait, so no response arrives.
}

const HANDLER = {
  onResponse: ignore,
  onHead: ignore,
  onData: ignore,
  onEnd: ignore,
  onError: ignore,
  onReportedError: ignore,
  onStreamError: ignore,
}

/** A request with many samples, whose turns of the event loop are made by hand. All parts wait for room on an engine. */
function openFanOut(promptBytes: number) {
  let started = 0
  const works = new Set<SteppedWork>()
  const dependencies = {
    config: CONFIG,
    turns: { add: (work: SteppedWork) => works.add(work), remove: (work: SteppedWork) => works.delete(work) },
    collected: { keep: () => undefined },
    budgetQueue: { countRequest: () => started++, leave: () => undefined },
    capacityQueue: { hasWaiting: () => true, wait: () => true, leave: () => undefined },
    pairSelector: { queueKeyOf: () => 'model', servedBy: () => '' },
    random: () => 0,
    nowMs: () => 0,
  }
  const body = Buffer.from(JSON.stringify({ sampling_params: { n: SAMPLES }, text: 'x'.repeat(promptBytes) }))
  const fields = readFields('generate', body)
  const request: EngineRequest = {
    endpoint: 'generate',
    path: '/generate',
    headers: [],
    body,
    fields,
    prompt: undefined,
    key: undefined,
    serves: undefined,
    edits: [],
    isPromptOfBatch: false,
    timeouts: readTimeouts([], CONFIG.timeouts).timeouts,
    deadlineMs: Infinity,
    id: 1,
    label: '1',
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no attempt is made, so the rest is not used
  const fanOut = new FanOut(request, HANDLER, dependencies as unknown as FanOutDependencies)
  return {
    fanOut,
    works,
    started: () => started,
    turn: () => {
      for (const work of works) if (work.step()) works.delete(work)
    },
  }
}

for (const [size, promptBytes, perTurn] of [
  ['small', 100, 32],
  ['large', 200_000, 1],
] as const) {
  test(`starts ${perTurn} parts of a ${size} body in one turn, so that other requests go on`, () => {
    const { fanOut, works, started, turn } = openFanOut(promptBytes)
    fanOut.start()
    for (let turns = 1; started() < SAMPLES; turns++) {
      assert.equal(started(), Math.min(SAMPLES, turns * perTurn))
      turn()
    }
    assert.equal(started(), SAMPLES)
    assert.equal(works.size, 0, 'nothing is left to do')
    fanOut.abort()
  })
}

test('starts no more parts once the client has left', () => {
  const { fanOut, works, started, turn } = openFanOut(200_000)
  fanOut.start()
  turn()
  fanOut.abort()
  assert.equal(works.size, 0)
  turn()
  assert.equal(started(), 2)
})
