/** The program as operators start it: a process of its own, on free ports of 127.0.0.1. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { Child } from '../../src/process/child-process.ts'
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

/**
 * Resolves when it is ready: there is a healthy engine of each role. `command` may be more than the program alone. The log
 * is read from `logFile` if the flags send it there.
 */
export async function startProgram(
  t: TestContext,
  command: readonly string[],
  flags: readonly string[],
  logFile?: string,
): Promise<Program> {
  const [file = '', ...before] = command
  const args = [...before, ...flags, ...FREE_PORTS]
  const started = Child.start({ program: file, args, cwd: ROOT, stdout: 'pipe' })
  t.after(async () => {
    await started.stop()
    started.stdout.destroy()
  })
  const child = started.process
  const lines: string[] = []
  createInterface(started.stdout).on('line', line => lines.push(line))
  const logged = (): readonly string[] =>
    logFile === undefined || !existsSync(logFile) ? lines : readFileSync(logFile, 'utf8').split('\n')
  const portIn = (name: string): number => portOf(name, logged())
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

/** Reads a port from the log, in its text or JSON format; 0 if it is not logged yet. */
function portOf(name: string, lines: readonly string[]): number {
  const logged = new RegExp(`\\b${name}"?[=:](\\d+)`)
  return Number(lines.map(line => logged.exec(line)?.[1]).find(port => port !== undefined) ?? 0)
}
