/** Starts what a run needs: canned engines, haproxy and the gateway, each ready to answer when its function ends. */

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../free-port.ts'
import { type Children, firstLine, LOAD_CORE, TARGET_CORE } from './children.ts'
import { haproxyConfig } from './haproxy.ts'
import { CHUNKS_PER_STREAM } from './scenarios.ts'

export interface Target {
  readonly name: string
  readonly url: string
  readonly pid: number
}

export interface EnginePorts {
  readonly prefill: readonly number[]
  readonly decode: readonly number[]
}

const ROOT = join(import.meta.dirname, '..', '..')
const GATEWAY = join(ROOT, 'bin', 'pd-gateway.js')
const START_LIMIT_MS = 20_000

export function hasGateway(): boolean {
  return existsSync(GATEWAY)
}

export async function startEngines(children: Children): Promise<EnginePorts> {
  const main = join(ROOT, 'bench', 'canned', 'main.ts')
  const args = [main, '--engines', '2', '--chunks', String(CHUNKS_PER_STREAM)]
  const child = children.start({ core: LOAD_CORE, program: process.execPath, args })
  const ports: unknown = JSON.parse(await firstLine(child, START_LIMIT_MS))
  return { prefill: portsOf(ports, 'prefill'), decode: portsOf(ports, 'decode') }
}

export interface HaproxyPlace {
  readonly name: string
  readonly folder: string
  readonly engines: EnginePorts
}

export async function startHaproxy(children: Children, place: HaproxyPlace): Promise<Target> {
  const port = await freePort()
  const path = join(place.folder, `${place.name}.cfg`)
  writeFileSync(path, haproxyConfig(port, place.engines.decode))
  const child = children.start({ core: TARGET_CORE, program: 'haproxy', args: ['-db', '-f', path] })
  return await ready({ name: place.name, url: urlOf(port), pid: child.pid ?? 0 })
}

export async function startGateway(children: Children, engines: EnginePorts): Promise<Target> {
  const port = await freePort()
  const args = [
    GATEWAY,
    '--pd-disaggregation',
    ...engines.prefill.flatMap(engine => ['--prefill', urlOf(engine)]),
    ...engines.decode.flatMap(engine => ['--decode', urlOf(engine)]),
  ].concat([
    '--policy',
    'round_robin',
    '--workers',
    '1',
    '--log-level',
    'warn',
    '--port',
    String(port),
    '--prometheus-port',
    '0',
  ])
  const child = children.start({ core: TARGET_CORE, program: process.execPath, args })
  child.stdout?.resume()
  return await ready({ name: 'gateway', url: urlOf(port), pid: child.pid ?? 0 })
}

/** A target is ready when it answers a real request: no two routers agree on what their health paths say. */
async function ready(target: Target): Promise<Target> {
  const limit = performance.now() + START_LIMIT_MS
  while (performance.now() < limit) {
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    if (await answers(target.url)) return target
    // oxlint-disable-next-line no-await-in-loop -- a pause between two tries
    await delay(50)
  }
  throw new Error(`${target.name} did not answer in ${START_LIMIT_MS} ms`)
}

async function answers(url: string): Promise<boolean> {
  const headers = { 'content-type': 'application/json' }
  const body = '{"text":"ready?"}'
  const signal = AbortSignal.timeout(2000)
  const response = await fetch(`${url}/generate`, { method: 'POST', headers, body, signal }).catch(
    () => undefined,
  )
  await response?.arrayBuffer()
  return response?.ok ?? false
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

function portsOf(value: unknown, role: 'prefill' | 'decode'): readonly number[] {
  const ports: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, role) : undefined
  if (!Array.isArray(ports)) throw new TypeError(`the canned engine named no ${role} ports`)
  return ports.map(Number)
}
