/** How the simulator's own tests talk to a fleet. */
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import type { SimEngine } from '../../../src/simulator/engine.ts'
import { type FleetOptions, type SimulatedFleet, startFleet } from '../../../src/simulator/fleet.ts'
import { FAST } from '../../../src/simulator/settings/knobs.ts'

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
  /** The connection closed before the answer was whole. */
  readonly isCut: boolean
}

export interface OpenRequest {
  /** Rejects when the connection fails before the head. */
  readonly answer: Promise<Answer>
  readonly head: Promise<{ readonly status: number }>
  /** Resolves with the first bytes of the body. */
  readonly firstBytes: Promise<string>
  close(): void
}

/** A fast fleet that is gone when the test is. */
export async function fleetFor(t: TestContext, options: FleetOptions): Promise<SimulatedFleet> {
  const fleet = await startFleet({ ...options, knobs: { ...FAST, ...options.knobs } })
  t.after(() => fleet.close())
  return fleet
}

/** The engine at a place, which the test knows to be there. */
export function only(engines: readonly SimEngine[], place = 0): SimEngine {
  const engine = engines[place]
  if (engine === undefined) throw new RangeError(`no engine ${place}`)
  return engine
}

/** A POST whose parts can be awaited one by one. */
export function open(url: string, path: string, body: object): OpenRequest {
  const head = Promise.withResolvers<{ status: number }>()
  const firstBytes = Promise.withResolvers<string>()
  const answer = Promise.withResolvers<Answer>()
  let hasHead = false
  const outgoing = request(`${url}${path}`, { method: 'POST', agent: false }, response => {
    const parts: Buffer[] = []
    const settle = (isCut: boolean) => {
      const { statusCode, headers } = response
      const text = Buffer.concat(parts).toString()
      answer.resolve({ status: statusCode ?? 0, headers, body: text, isCut })
    }
    hasHead = true
    head.resolve({ status: response.statusCode ?? 0 })
    response.on('data', (part: Buffer) => {
      parts.push(part)
      firstBytes.resolve(part.toString())
    })
    response.on('end', () => settle(false))
    response.on('error', () => settle(true))
  })
  outgoing.on('error', error => {
    // After the head the response itself tells, with what had come by then.
    if (hasHead) return
    for (const promise of [head, firstBytes, answer]) promise.reject(error)
  })
  outgoing.setHeader('content-type', 'application/json')
  outgoing.end(JSON.stringify(body))
  for (const { promise } of [head, firstBytes, answer]) promise.catch(() => undefined)
  return {
    answer: answer.promise,
    head: head.promise,
    firstBytes: firstBytes.promise,
    close: () => outgoing.destroy(),
  }
}

export function post(url: string, path: string, body: object): Promise<Answer> {
  return open(url, path, body).answer
}

export async function get(url: string, path: string): Promise<Answer> {
  const response = await fetch(`${url}${path}`)
  const headers = Object.fromEntries(response.headers)
  return { status: response.status, headers, body: await response.text(), isCut: false }
}

/** Bootstrap fields that join both legs. */
export function joined(prefill: SimEngine, room: number): object {
  return { bootstrap_host: '127.0.0.1', bootstrap_port: prefill.bootstrapPort, bootstrap_room: room }
}

/** One after the other, each with the result of the last one known. */
export async function inTurn<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await act(item))
  return results
}
