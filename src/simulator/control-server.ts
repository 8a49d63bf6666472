/**
 * The control server of a fleet, through which another process sets knobs, crashes engines and reads counters.
 *
 * It is separate from the engines, so that it responds while they are dead or hang.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'
import { HEALTH_STATES } from './engine/engine-state.ts'
import type { SimEngine } from './engine.ts'
import { namedEngines } from './engine-names.ts'
import type { SimulatedFleet } from './fleet.ts'
import { knobChangesSchema } from './settings/knobs.ts'

export interface ControlServer {
  readonly url: string
  close(): Promise<void>
}

interface NamedEngines {
  readonly fleet: SimulatedFleet
  readonly engines: ReadonlyMap<string, SimEngine>
}

type Action = (named: NamedEngines, body: unknown) => unknown

const engineSchema = z.object({ engine: z.string() })
const knobsBody = engineSchema.extend({ knobs: knobChangesSchema })
const healthBody = engineSchema.extend({
  health: z.enum(HEALTH_STATES),
})
const pairBody = z.object({ prefill: z.string(), decode: z.string(), forMs: z.number().min(0) })

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['GET /engines', ({ engines }) => [...engines].map(([name, engine]) => describe(name, engine))],
  [
    'GET /counters',
    ({ engines }) => Object.fromEntries([...engines].map(([name, engine]) => [name, countersOf(engine)])),
  ],
  [
    'GET /first-tokens',
    ({ engines }) =>
      Object.fromEntries([...engines].map(([name, engine]) => [name, engine.firstTokens.entries])),
  ],
  [
    'POST /knobs',
    (named, body) => {
      const { engine, knobs } = knobsBody.parse(body)
      Object.assign(engineNamed(named, engine).knobs, knobs)
    },
  ],
  [
    'POST /health',
    async (named, body) => {
      const { engine, health } = healthBody.parse(body)
      await engineNamed(named, engine).setHealth(health)
    },
  ],
  ['POST /restart', (named, body) => engineNamed(named, engineSchema.parse(body).engine).restart()],
  [
    'POST /break-pair',
    (named, body) => {
      const { prefill, decode, forMs } = pairBody.parse(body)
      named.fleet.breakPair(engineNamed(named, prefill), engineNamed(named, decode), forMs)
    },
  ],
])

/** Listens on 127.0.0.1; port 0 takes a free one. @throws if the port is in use. */
export async function startControlServer(fleet: SimulatedFleet, port: number): Promise<ControlServer> {
  const named = { fleet, engines: namedEngines(fleet) }
  const server = createServer((message, response) => void respond(named, message, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(
  named: NamedEngines,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const action = ACTIONS.get(`${message.method} ${message.url}`)
  if (action === undefined)
    return send(response, 404, { error: `No such route: ${message.method} ${message.url}` })
  try {
    const text = await textOf(message)
    const result = await action(named, text === '' ? undefined : JSON.parse(text))
    send(response, 200, result ?? {})
  } catch (error) {
    send(response, 400, { error: messageOf(error) })
  }
}

function messageOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error)
  return error instanceof Error ? error.message : String(error)
}

async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString()
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function engineNamed({ engines }: NamedEngines, name: string): SimEngine {
  const engine = engines.get(name)
  if (engine === undefined) throw new RangeError(`No such engine: ${name}`)
  return engine
}

function describe(name: string, engine: SimEngine): object {
  const { role, url, bootstrapPort, health, knobs } = engine
  return { name, role, url, bootstrapPort, health, knobs }
}

/** All counters, and the current state. `responses` is the number of completed and failed requests. */
function countersOf(engine: SimEngine): object {
  const { counters, sockets } = engine
  return {
    ...counters,
    responses: counters.completed + counters.failed,
    running: engine.running(),
    sockets,
    rooms: engine.rooms.seen,
    duplicateRooms: engine.rooms.duplicates,
  }
}
