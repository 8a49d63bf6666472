/** Starts what a run needs: canned engines, haproxy and the gateway, each ready to answer when its function ends. */

import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../process/free-port.ts'
import { type Children, firstLine, LOAD_CORE, TARGET_CORE } from '../../speed/children.ts'
import { gatewayArguments, type PdEngines } from './gateway.ts'
import { haproxyConfig } from './haproxy.ts'
import { untilReady } from './ready.ts'
import { CHUNKS_PER_STREAM } from '../loads/wrk-loads.ts'

export interface Target {
  readonly name: string
  readonly url: string
  readonly pid: number
}

export interface EnginePorts {
  readonly prefill: readonly number[]
  readonly decode: readonly number[]
}

const CANNED = join(import.meta.dirname, '..', 'canned', 'main.ts')
const START_LIMIT_MS = 20_000

/** Flags of the canned engines that all scenarios of the speed bench use. */
const CANNED_FLAGS = ['--engines', '2', '--chunks', String(CHUNKS_PER_STREAM)]

export interface StartedEngines {
  readonly child: ChildProcess
  readonly ports: EnginePorts
}

export async function startEngines(
  children: Children,
  flags: readonly string[] = CANNED_FLAGS,
): Promise<StartedEngines> {
  const args = [CANNED, ...flags]
  const child = children.start({ core: LOAD_CORE, program: process.execPath, args })
  const ports: unknown = JSON.parse(await firstLine(child, START_LIMIT_MS))
  return { child, ports: { prefill: portsOf(ports, 'prefill'), decode: portsOf(ports, 'decode') } }
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

export async function startGateway(children: Children, ports: EnginePorts): Promise<Target> {
  const port = await freePort()
  const args = gatewayArguments(cannedEngines(ports), { port, metricsPort: 0 })
  const child = children.start({ core: TARGET_CORE, program: process.execPath, args })
  child.stdout?.resume()
  return await ready({ name: 'gateway', url: urlOf(port), pid: child.pid ?? 0 })
}

async function ready(target: Target): Promise<Target> {
  await untilReady(target.url, START_LIMIT_MS)
  return target
}

/** The engines as routers are told of them. Canned prefill engines have no bootstrap server; nobody asks for it. */
export function cannedEngines({ prefill, decode }: EnginePorts): PdEngines {
  return {
    prefill: prefill.map(port => ({ url: urlOf(port), bootstrapPort: 8998 })),
    decode: decode.map(urlOf),
  }
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

function portsOf(value: unknown, role: 'prefill' | 'decode'): readonly number[] {
  const ports: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, role) : undefined
  if (!Array.isArray(ports)) throw new TypeError(`the canned engine named no ${role} ports`)
  return ports.map(Number)
}
