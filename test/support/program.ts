/** The program as operators start it: a process of its own, on free ports of 127.0.0.1. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { SimulatedFleet } from '../../src/simulator/fleet.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '../..')
const FREE_PORTS = ['--host', '127.0.0.1', '--port', '0', '--prometheus-port', '0']

export const PROGRAM: readonly string[] = [process.execPath, 'bin/pd-gateway.js']

export interface Program {
  readonly child: ChildProcess
  readonly port: number
  /** Of the listener for metrics and administration. */
  readonly adminPort: number
  readonly origin: string
  /** Of the log so far. */
  readonly lines: readonly string[]
}

/** Resolves when it is ready: there is a healthy engine of each role. `command` may be more than the program alone. */
export async function startProgram(
  t: TestContext,
  command: readonly string[],
  flags: readonly string[],
): Promise<Program> {
  const [file = '', ...before] = command
  const child = spawn(file, [...before, ...flags, ...FREE_PORTS], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    child.kill('SIGKILL')
    child.stdout.destroy()
    await exitOf(child)
  })
  const lines: string[] = []
  createInterface(child.stdout).on('line', line => lines.push(line))
  const portIn = (name: string): number => portOf(name, lines)
  await until(() => portIn('port') > 0 || child.exitCode !== null, 'the program listens')
  const port = portIn('port')
  const origin = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${origin}/readiness`)).ok, 'the program is ready')
  return { child, port, adminPort: portIn('adminPort'), origin, lines }
}

/** Flags that name the engines of the fleet. */
export function engineFlags(fleet: SimulatedFleet): string[] {
  return [
    ...fleet.prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...fleet.decode.flatMap(({ url }) => ['--decode', url]),
  ]
}

export async function exitOf(
  child: ChildProcess,
): Promise<readonly [code: number | null, signal: NodeJS.Signals | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return [child.exitCode, child.signalCode]
}

/** From a log for people or for programs. 0: nobody has told it yet. */
function portOf(name: string, lines: readonly string[]): number {
  const told = new RegExp(`\\b${name}"?[=:](\\d+)`)
  return Number(lines.map(line => told.exec(line)?.[1]).find(port => port !== undefined) ?? 0)
}
