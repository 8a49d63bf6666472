/** A control thread without a gateway, and engines that answer nothing but its questions. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { type Config, configSchema } from '../../src/config/config.ts'
import { startControl } from '../../src/control/control-supervisor.ts'
import { type EngineSnapshot, type LostEngine, NO_ENGINES } from '../../src/core/engine.ts'
import { BreakerCells } from '../../src/shared/breaker-cells.ts'
import { EngineSlots } from '../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../src/shared/layout.ts'
import { listenOnOwnPort } from './own-port.ts'

export interface FakeEngine {
  /** Status of `/health`; 0 does not respond. */
  health: number
  /** Response of `/server_info`: an object, an error status, or 0 for no response. `undefined`: the path is not served. */
  info: object | number | undefined
  /** Names at `/v1/models`. `undefined`: the path is not served. */
  models: readonly string[] | undefined
  /** Key that all paths but `/health` ask for. */
  key: string | undefined
  /** Called for each request at `/health`. */
  onProbe: (() => void) | undefined
  /** Number of requests received. */
  received: number
  readonly port: number
  readonly url: string
  /** Closes all connections and the listener. */
  stop(): Promise<void>
}

export async function fakeEngine(
  t: TestContext,
  info: object | number | undefined,
  port?: number,
): Promise<FakeEngine> {
  const server = createServer(({ url, headers }, response) => {
    engine.received++
    if (url === '/health') engine.onProbe?.()
    const isOpen = engine.key === undefined || headers.authorization === `Bearer ${engine.key}`
    const answer = isOpen || url === '/health' ? answerAt(engine, url) : 401
    if (answer === 0) return
    const status = typeof answer === 'number' ? answer : 200
    response.writeHead(status).end(typeof answer === 'number' ? '' : JSON.stringify(answer))
  })
  const bound = port ?? (await listenOnOwnPort(server))
  if (port !== undefined) await once(server.listen(port, '127.0.0.1'), 'listening')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  const engine: FakeEngine = {
    health: 200,
    info,
    models: undefined,
    key: undefined,
    onProbe: undefined,
    received: 0,
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    stop,
  }
  t.after(stop)
  return engine
}

/** A status, or the object to send. */
function answerAt({ health, info, models }: FakeEngine, url: string | undefined): object | number {
  switch (url) {
    case '/health':
      return health
    case '/server_info':
      return info ?? 404
    case '/v1/models':
      return models === undefined ? 404 : { data: models.map(id => ({ id })) }
    case undefined:
    default:
      return 404
  }
}

export async function openControl(
  t: TestContext,
  engines: Config['engines'] | object,
  health: object = {},
  log: object = { level: 'error' },
) {
  const config = configSchema.parse({
    engines: { startupCheckIntervalSecs: 0.05, ...engines },
    health: { intervalSecs: 0.05, timeoutSecs: 2, ...health },
    log,
    admin: { host: '127.0.0.1', port: 0 },
  })
  const shared = createSharedMemory(8, 1)
  const seen = { snapshot: NO_ENGINES, sizes: new Array<number>(), lost: new Array<LostEngine>(), joining: 0 }
  const running = await startControl({
    config,
    shared,
    entry: new URL('../../workers/control.ts', import.meta.url),
    onSnapshot: (snapshot: EngineSnapshot) => {
      seen.snapshot = snapshot
      seen.sizes.push(snapshot.engines.length)
    },
    onLost: lost => seen.lost.push(lost),
    onJoining: count => {
      seen.joining = count
    },
  })
  t.after(() => running.close())
  return { seen, slots: new EngineSlots(shared), breakers: new BreakerCells(shared), running }
}
