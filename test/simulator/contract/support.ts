/** Requests to a simulated fleet, for the tests of the simulator. */
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import type { SimEngine } from '../../../src/simulator/engine.ts'
import { type FleetOptions, type SimulatedFleet, startFleet } from '../../../src/simulator/fleet.ts'
import { FAST } from '../../../src/simulator/settings/knobs.ts'

export interface TextResponse {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
  /** The connection closed before the response was complete. */
  readonly isCut: boolean
}

export interface OpenRequest {
  /** Rejects when the connection fails before the head. */
  readonly response: Promise<TextResponse>
  readonly head: Promise<{ readonly status: number }>
  /** Resolves with the first bytes of the body. */
  readonly firstBytes: Promise<string>
  close(): void
}

/** A fleet with short times, which is closed after the test. */
export async function fleetFor(t: TestContext, options: FleetOptions): Promise<SimulatedFleet> {
  const fleet = await startFleet({ ...options, knobs: { ...FAST, ...options.knobs } })
  t.after(() => fleet.close())
  return fleet
}

/** The engine at an index. @throws RangeError if there is none. */
export function only(engines: readonly SimEngine[], index = 0): SimEngine {
  const engine = engines[index]
  if (engine === undefined) throw new RangeError(`no engine ${index}`)
  return engine
}

/** A POST whose head, first data and end can be awaited separately. */
export function open(url: string, path: string, body: object): OpenRequest {
  const head = Promise.withResolvers<{ status: number }>()
  const firstBytes = Promise.withResolvers<string>()
  const response = Promise.withResolvers<TextResponse>()
  let hasHead = false
  const outgoing = request(`${url}${path}`, { method: 'POST', agent: false }, incoming => {
    const parts: Buffer[] = []
    const settle = (isCut: boolean) => {
      const { statusCode, headers } = incoming
      const text = Buffer.concat(parts).toString()
      response.resolve({ status: statusCode ?? 0, headers, body: text, isCut })
    }
    hasHead = true
    head.resolve({ status: incoming.statusCode ?? 0 })
    incoming.on('data', (part: Buffer) => {
      parts.push(part)
      firstBytes.resolve(part.toString())
    })
    incoming.on('end', () => settle(false))
    incoming.on('error', () => settle(true))
  })
  outgoing.on('error', error => {
    // After the head, the response reports the error, with the data received so far.
    if (hasHead) return
    for (const promise of [head, firstBytes, response]) promise.reject(error)
  })
  outgoing.setHeader('content-type', 'application/json')
  outgoing.end(JSON.stringify(body))
  for (const { promise } of [head, firstBytes, response]) promise.catch(() => undefined)
  return {
    response: response.promise,
    head: head.promise,
    firstBytes: firstBytes.promise,
    close: () => outgoing.destroy(),
  }
}

export function post(url: string, path: string, body: object): Promise<TextResponse> {
  return open(url, path, body).response
}

export async function get(url: string, path: string): Promise<TextResponse> {
  const response = await fetch(`${url}${path}`)
  const headers = Object.fromEntries(response.headers)
  return { status: response.status, headers, body: await response.text(), isCut: false }
}

/** The bootstrap fields of both legs of an attempt. */
export function joined(prefill: SimEngine, room: number): object {
  return { bootstrap_host: '127.0.0.1', bootstrap_port: prefill.bootstrapPort, bootstrap_room: room }
}

/** Runs the steps one after another. */
export async function inTurn<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await act(item))
  return results
}
