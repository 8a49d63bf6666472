/** The engines of the matrix, a pair for each group, and gateways before them with and without retries. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import type { Leg } from '../../src/core/errors.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { until } from '../support/until.ts'
import { fateOf, type Group, isFaulty, partnerOf } from './cells.ts'
import { soundPlay, waitingPlay } from './faults.ts'
import { type Call, type Play, type Script, type ScriptedEngine, scriptedEngine } from './scripted-engine.ts'
import type { Shape } from './sound-answers.ts'

export interface Engines extends Readonly<Record<Leg, ScriptedEngine>> {
  /** The client of the cell has the head of its answer: a stream is committed. */
  readonly clientHasHead: (cell: string) => void
}

/** How long engines may be silent before a gateway that is to notice it does. */
export const SILENCE_MS = 1500
const READY_LIMIT_MS = 60_000

/** `shapeOf`: of the cell that the call belongs to. */
export async function openEngines(
  t: TestContext,
  group: Group,
  shapeOf: (call: Call) => Shape,
): Promise<Engines> {
  const cues = new Cues()
  const scriptOf = (leg: Leg): Script => ({
    play: async call => {
      const shape = shapeOf(call)
      await cues.wait(group, leg, shape, call)
      return playOf(group, leg, shape, call)
    },
    onPlayed: call => cues.give(`${leg} has played`, call),
  })
  const engines = {
    prefill: await scriptedEngine('prefill', group.name, scriptOf('prefill')),
    decode: await scriptedEngine('decode', group.name, scriptOf('decode')),
    clientHasHead: (cell: string) => cues.give(CLIENT_HAS_HEAD, { cell, attempt: 1 }),
  }
  t.after(() => Promise.all([engines.prefill.close(), engines.decode.close()]))
  return engines
}

const CLIENT_HAS_HEAD = 'the client has its head'

/** Who waits for whom within an attempt. */
class Cues {
  readonly #given = new Map<string, PromiseWithResolvers<void>>()

  /**
   * Nothing comes before both engines have the request: there is no token without the KV cache, and of a fault both can
   * tell what becomes of it. Of two late faults decode's comes first: what it does after the commit is what the client
   * sees. Of a stream that breaks the commit must have been, too: the gateway may read prefill's socket first.
   */
  async wait(group: Group, leg: Leg, shape: Shape, call: Call): Promise<void> {
    this.give(`${leg} has it`, call)
    await this.#of(leg === 'prefill' ? 'decode has it' : 'prefill has it', call).promise
    const isSecond =
      group.where === 'both' && leg === 'prefill' && group.fault.isLate === true && call.attempt === 1
    if (!isSecond) return
    await this.#of('decode has played', call).promise
    if (shape.isStream && fateOf(group, shape) === 'broken') await this.#of(CLIENT_HAS_HEAD, call).promise
  }

  give(what: string, call: Attempted): void {
    this.#of(what, call).resolve()
  }

  #of(what: string, call: Attempted): PromiseWithResolvers<void> {
    const name = `${call.cell} ${call.attempt}: ${what}`
    const cue = this.#given.get(name) ?? Promise.withResolvers<void>()
    this.#given.set(name, cue)
    return cue
  }
}

type Attempted = Pick<Call, 'cell' | 'attempt'>

function playOf(group: Group, leg: Leg, shape: Shape, call: Call): Play {
  if (call.attempt > 1) return soundPlay(leg, shape, call.rid)
  if (isFaulty(group, leg)) return group.fault.play(shape, leg, call.rid)
  return partnerOf(group, shape) === 'sound' ? soundPlay(leg, shape, call.rid) : waitingPlay(shape)
}

export interface Stage {
  readonly origin: string
  readonly gateway: Gateway
  /** Lines of the log so far. */
  log(): string[]
}

/** `isHasty`: with timers that notice a silent engine. */
export async function openStage(
  t: TestContext,
  engines: readonly Pick<Engines, Leg>[],
  options: { readonly maxRetries: number; readonly isHasty: boolean },
): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), 'pd-gateway-test-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const timeouts = options.isHasty ? { firstTokenMs: SILENCE_MS, idleMs: SILENCE_MS } : {}
  const gateway = await startGateway(
    configSchema.parse({
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0 },
      engines: {
        prefill: engines.map(({ prefill }) => ({ url: prefill.url })),
        decode: engines.map(({ decode }) => ({ url: decode.url })),
      },
      limits: { engines: 1024 },
      health: { intervalSecs: 600 },
      retry: { maxRetries: options.maxRetries, initialBackoffMs: 1, maxBackoffMs: 2, budgetFloorPerSec: 1e6 },
      // One failure opens a breaker, so that its state tells who was charged; in a panic all engines are chosen anyway.
      breaker: { failureThreshold: 1, minSamples: 1, failureShare: 0.01, maxEjectedShare: 0 },
      log: { level: 'info', dir },
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
