/** The engines of the fault tests, a pair per group, and a gateway in front of them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import type { Leg } from '../../src/core/errors.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { until } from '../support/until.ts'
import { fateOf, type Group, isFaulty, partnerOf } from './cells.ts'
import { soundResponse, waitingResponse } from './faults.ts'
import {
  type Call,
  type Script,
  type ScriptedEngine,
  type ScriptedResponse,
  scriptedEngine,
} from './scripted-engine.ts'
import type { Shape } from './sound-responses.ts'

export interface Engines extends Readonly<Record<Leg, ScriptedEngine>> {
  /** Must be called when the client of the cell has the head of its response, so that a stream is committed. */
  readonly clientHasHead: (cell: string) => void
}

/** The timeouts of a gateway with short timeouts. */
export const SILENCE_MS = 1500
const READY_LIMIT_MS = 60_000

/** `shapeOf`: the shape of the cell that a call belongs to. */
export async function openEngines(
  t: TestContext,
  group: Group,
  shapeOf: (call: Call) => Shape,
): Promise<Engines> {
  const milestones = new Milestones()
  const scriptOf = (leg: Leg): Script => ({
    respond: async call => {
      const shape = shapeOf(call)
      await milestones.wait(group, leg, shape, call)
      return responseOf(group, leg, shape, call)
    },
    onSent: call => milestones.reach(`${leg} has responded`, call),
  })
  const engines = {
    prefill: await scriptedEngine('prefill', group.name, scriptOf('prefill')),
    decode: await scriptedEngine('decode', group.name, scriptOf('decode')),
    clientHasHead: (cell: string) => milestones.reach(CLIENT_HAS_HEAD, { cell, attempt: 1 }),
  }
  t.after(() => Promise.all([engines.prefill.close(), engines.decode.close()]))
  return engines
}

const CLIENT_HAS_HEAD = 'the client has the head'

/** Points within an attempt that one engine reaches and the other waits for. */
class Milestones {
  readonly #reached = new Map<string, PromiseWithResolvers<void>>()

  /**
   * No engine responds before both have the request: there is no token without the KV cache, and both must see how a
   * fault ends. Of two late faults, decode's comes first, because the client sees what decode does after the commit. A
   * stream that breaks must be committed too, because the gateway may read prefill's socket first.
   */
  async wait(group: Group, leg: Leg, shape: Shape, call: Call): Promise<void> {
    this.reach(`${leg} has the request`, call)
    await this.#of(leg === 'prefill' ? 'decode has the request' : 'prefill has the request', call).promise
    const isSecond =
      group.where === 'both' && leg === 'prefill' && group.fault.isLate === true && call.attempt === 1
    if (!isSecond) return
    await this.#of('decode has responded', call).promise
    if (shape.isStream && ['broken', 'reported'].includes(fateOf(group, shape)))
      await this.#of(CLIENT_HAS_HEAD, call).promise
  }

  reach(what: string, call: Attempted): void {
    this.#of(what, call).resolve()
  }

  #of(what: string, call: Attempted): PromiseWithResolvers<void> {
    const name = `${call.cell} ${call.attempt}: ${what}`
    const milestone = this.#reached.get(name) ?? Promise.withResolvers<void>()
    this.#reached.set(name, milestone)
    return milestone
  }
}

type Attempted = Pick<Call, 'cell' | 'attempt'>

function responseOf(group: Group, leg: Leg, shape: Shape, call: Call): ScriptedResponse {
  if (call.attempt > 1) return soundResponse(leg, shape, call.rid)
  if (isFaulty(group, leg)) return group.fault.respond(shape, leg, call.rid)
  return partnerOf(group, shape) === 'sound' ? soundResponse(leg, shape, call.rid) : waitingResponse(shape)
}

export interface GatewaySetup {
  readonly origin: string
  readonly gateway: Gateway
  /** The lines of the log so far. */
  log(): string[]
}

/** `hasShortTimeouts`: a silent engine is noticed after `SILENCE_MS`. */
export async function openGateway(
  t: { readonly after: (close: () => unknown) => void },
  engines: readonly Pick<Engines, Leg>[],
  options: { readonly maxRetries: number; readonly hasShortTimeouts: boolean; readonly lossHoldMs?: number },
): Promise<GatewaySetup> {
  const dir = mkdtempSync(join(tmpdir(), 'pd-gateway-test-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const timeouts = options.hasShortTimeouts ? { firstTokenMs: SILENCE_MS, idleMs: SILENCE_MS } : {}
  const gateway = await startGateway(
    configSchema.parse({
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0 },
      engines: {
        prefill: engines.map(({ prefill }) => ({ url: prefill.url })),
        decode: engines.map(({ decode }) => ({ url: decode.url })),
        refreshIntervalSecs: 600,
      },
      limits: { engines: 1024 },
      health: { intervalSecs: 600 },
      retry: {
        maxRetries: options.maxRetries,
        initialBackoffMs: 1,
        maxBackoffMs: 2,
        budgetFloorPerSec: 1e6,
        lossHoldMs: options.lossHoldMs,
      },
      // One failure opens a breaker, so its state shows which engine was charged. Panic keeps all engines in use.
      breaker: { failureThreshold: 1, minSamples: 1, failureShare: 0.01, maxEjectedShare: 0 },
      // Every failure is checked, so none is summarized.
      log: { level: 'info', dir, burstLines: 1_000_000 },
      timeouts,
    }),
  )
  t.after(() => gateway.close())
  const origin = `http://127.0.0.1:${gateway.port}`
  const log = (): string[] => readFileSync(join(dir, 'pd-gateway.log'), 'utf8').split('\n')
  await until(
    () => log().filter(line => line.includes('engine is healthy')).length === 2 * engines.length,
    'all engines are up',
    READY_LIMIT_MS,
  )
  return { origin, gateway, log }
}
