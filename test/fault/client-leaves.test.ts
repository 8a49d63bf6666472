/**
 * A thousand clients disconnect, in every phase of a request, and both engines are free at once each time.
 *
 * They disconnect in waves, all clients of a wave at the same moment, so that the time to an empty fleet can be measured
 * for each wave.
 */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { suite, type TestContext, test } from 'node:test'
import { seededRandom } from '../../src/core/random.ts'
import { resetSocket } from '../../src/simulator/http/reset-socket.ts'
import type { Knobs } from '../../src/simulator/settings/knobs.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { measureMachineLag } from '../support/machine-lag.ts'
import { until } from '../support/until.ts'

const WAVES = 10
const CLIENTS = 25
/**
 * Limit of the median, from the moment at which the gateway notices; it notices within a few milliseconds. As in the
 * fault matrix, four times what a message to another thread and back takes is added.
 */
const FREE_MS = 100
/** Limit of a single wave, with the same addition. */
const BUSY_MS = 1000

type GatewaySetup = Awaited<ReturnType<typeof openGateway>>

interface Phase {
  readonly name: string
  readonly knobs: Partial<Knobs>
  readonly isStream: boolean
  /** Whether all clients of a wave are in the phase. */
  isReached(setup: GatewaySetup, responses: readonly OpenResponse[]): boolean
}

interface OpenResponse {
  readonly socket: Socket
  text: string
}

const PHASES: readonly Phase[] = [
  {
    name: 'while prefill computes',
    // No engine interrupts a forward pass, so there are many short ones.
    knobs: { prefillOverheadMs: 10, prefillChunk: 1 },
    isStream: true,
    isReached: ({ fleet }) => sum(fleet.prefill) === CLIENTS && sum(fleet.decode) === CLIENTS,
  },
  {
    name: 'while the KV cache is transferred',
    knobs: { transferSetupMs: 60_000 },
    isStream: true,
    isReached: ({ fleet }) => sum(fleet.prefill) === CLIENTS && sum(fleet.decode) === CLIENTS,
  },
  {
    name: 'while decode generates a unary response',
    knobs: { itlBaseMs: 5 },
    isStream: false,
    isReached: ({ fleet }) =>
      fleet.prefill.every(engine => engine.running() === 0) && sum(fleet.decode) === CLIENTS,
  },
  {
    name: 'between two chunks of a stream',
    knobs: { itlBaseMs: 5 },
    isStream: true,
    isReached: (_setup, responses) => responses.every(({ text }) => text.includes('data: ')),
  },
]

suite('a client that leaves frees both engines at once', () => {
  for (const phase of PHASES) {
    test(`${phase.name}, ${WAVES * CLIENTS} times`, async t => {
      const setup = await openGateway(t, {
        fleet: { prefill: 2, decode: 2, knobs: { maxRunning: 1000, ...phase.knobs } },
      })
      const random = seededRandom(7)
      const lag = measureMachineLag(t)
      const freeMs: number[] = []
      for (let wave = 0; wave < WAVES; wave++) {
        freeMs.push(await leaveTogether(t, setup, phase, random))
      }
      const lagMs = lag.percentile(0.95)
      freeMs.sort((a, b) => a - b)
      const [median = Infinity, worst = Infinity] = [freeMs[WAVES >> 1], freeMs.at(-1)]
      t.diagnostic(
        `engines free after ${median.toFixed(1)} ms in the median, ${worst.toFixed(1)} ms at worst; machine lag ${lagMs.toFixed(1)} ms`,
      )
      assert.ok(median <= FREE_MS + 4 * lagMs, `${median} ms`)
      assert.ok(worst <= BUSY_MS + 4 * lagMs, `${worst} ms`)
    })
  }
})

/** Milliseconds from the moment at which the clients of one wave disconnect until no engine runs a request. */
async function leaveTogether(
  t: TestContext,
  setup: GatewaySetup,
  phase: Phase,
  random: () => number,
): Promise<number> {
  const port = Number(new URL(setup.origin).port)
  const responses = Array.from({ length: CLIENTS }, (_, index) =>
    sendRequest(t, port, bodyOf(phase, index, random)),
  )
  await until(() => phase.isReached(setup, responses))
  const startMs = performance.now()
  // Half of them by a reset, half by a plain close: both occur in networks.
  for (const [index, { socket }] of responses.entries()) {
    if (index % 2 === 0) resetSocket(socket)
    else socket.destroy()
  }
  await until(() => runningOn(setup.fleet) === 0)
  return performance.now() - startMs
}

function bodyOf({ isStream }: Phase, index: number, random: () => number): string {
  const text = `Client ${index} says ${Math.floor(random() * 1e9)}`.repeat(20)
  return JSON.stringify({ text, stream: isStream, sampling_params: { max_new_tokens: 100_000 } })
}

function sendRequest(t: TestContext, port: number, body: string): OpenResponse {
  const socket = connect({ host: '127.0.0.1', port })
  const response: OpenResponse = { socket, text: '' }
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    response.text += bytes.toString('latin1')
  })
  const head = `POST /generate HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  socket.write(head + body)
  return response
}

function sum(engines: readonly { running(): number }[]): number {
  return engines.reduce((total, engine) => total + engine.running(), 0)
}
