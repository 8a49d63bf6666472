/**
 * `bench memory`: whether the gateway holds in a small container, with its default settings. Needs Linux and root.
 *
 * In a control group with a memory limit runs the gateway alone. Hostile clients upload the largest bodies, ask for 128
 * samples of large prompts, read large answers slowly and send bodies of millions of values, all at once; honest clients
 * stream small chats before, during and after the attack. All share one machine with two engines: what honest clients wait for is
 * also its processor and the engines', so the times say little on a small machine, but nothing may be lost.
 */
import { join } from 'node:path'
import { Child, nodeCommand } from '../../src/process/child-process.ts'
import { EXIT } from '../command/exit.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { freePort } from '../process/free-port.ts'
import { type HonestResult, runHonestClients } from './honest-clients.ts'
import { MemoryGroup } from './memory-group.ts'

export interface MemoryOptions {
  /** Of the control group, in MiB. */
  readonly limitMb: number
  /** Hostile clients. */
  readonly clients: number
  /** Time under attack. */
  readonly secs: number
  /** Honest requests per second. */
  readonly rate: number
}

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'pd-gateway.js')
/** Of the gateway. All that bounds what it does is left at its default. */
const FLAGS = '--host 127.0.0.1 --prometheus-port 0 --log-level warn --shutdown-settle-secs 0'.split(' ')
const MIB = 1024 * 1024
const START_MS = 30_000
/** Of the honest load before and after the attack. */
const CALM_SECS = 5
/** What the hostile clients have after the attack to end and report. */
const END_SECS = 60

/**
 * Returns the exit code, one of `EXIT`: 0 only if the process lives and no honest client has lost anything.
 *
 * @throws Error if the control group cannot be made, or something does not start
 */
export async function runMemory(options: MemoryOptions, { out, signal }: BenchTerminal): Promise<number> {
  const group = MemoryGroup.create(`pd-gateway-memory-${process.pid}`, options.limitMb * MIB)
  const engines = ['prefill', 'decode'].map(startEngine)
  let gateway: Child | undefined
  try {
    const [prefill, decode] = await Promise.all(engines.map(engine => engine.firstLine(START_MS)))
    const port = await freePort()
    const engineFlags = [
      '--prefill',
      `http://127.0.0.1:${prefill}`,
      '8998',
      '--decode',
      `http://127.0.0.1:${decode}`,
    ]
    gateway = startGateway(group, ['--port', String(port), '--pd-disaggregation', ...engineFlags])
    await gateway.untilReady(() => reasonNotReady(port), START_MS)
    const lost = await attack(port, options, { out, signal })
    if (signal.aborted) return EXIT.interrupted
    const { kills, peakBytes } = group
    out(
      `memory: peak ${Math.round(peakBytes / MIB)} of ${options.limitMb} MiB, processes ended by the kernel: ${kills}\n`,
    )
    if (!gateway.isRunning) out(`The gateway has ended: ${gateway.exitReason}\n`)
    else out(lost === 0 ? 'The gateway holds\n' : `The gateway does not hold: ${lost} honest requests lost\n`)
    return gateway.isRunning && kills === 0 && lost === 0 ? EXIT.ok : EXIT.failures
  } finally {
    await gateway?.stop(10_000)
    await Promise.all(engines.map(engine => engine.stop()))
    group.remove()
  }
}

/** Returns how many honest requests were lost. */
async function attack(
  port: number,
  { clients, secs, rate }: MemoryOptions,
  { out, signal }: Pick<BenchTerminal, 'out' | 'signal'>,
): Promise<number> {
  const calm = await runHonestClients(port, { secs: CALM_SECS, rate, signal })
  const hostile = Child.start({
    ...nodeCommand(join(import.meta.dirname, 'hostile', 'main.ts'), [port, clients, secs].map(String)),
    stdout: 'pipe',
  })
  try {
    const [during, outcomes] = await Promise.all([
      runHonestClients(port, { secs, rate, signal }),
      hostile.untilEnd(AbortSignal.any([signal, AbortSignal.timeout((secs + END_SECS) * 1000)])),
    ])
    const after = await runHonestClients(port, { secs: CALM_SECS, rate, signal })
    out(`hostile clients: ${outcomes.trim()}\n`)
    for (const [name, result] of Object.entries({ before: calm, during, after }))
      out(`${name}: ${textOf(result)}\n`)
    return [calm, during, after].reduce((sum, result) => sum + lostBy(result), 0)
  } finally {
    await hostile.stop()
  }
}

function startEngine(role: string): Child {
  return Child.start({
    ...nodeCommand(join(import.meta.dirname, 'engine', 'main.ts'), [role]),
    stdout: 'pipe',
  })
}

/** The shell joins the group before it becomes the gateway, so that every byte of it counts. */
function startGateway(group: MemoryGroup, args: readonly string[]): Child {
  const joinAndStart = 'echo $$ > "$0" && exec "$@"'
  return Child.start({
    program: 'sh',
    args: ['-c', joinAndStart, group.membersFile, process.execPath, PROGRAM, 'serve', ...FLAGS, ...args],
  })
}

async function reasonNotReady(port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readiness`)
    await response.arrayBuffer()
    return response.ok ? undefined : `status ${response.status}`
  } catch (error) {
    return String(error)
  }
}

function lostBy({ losses }: HonestResult): number {
  return Object.values(losses).reduce((sum, count) => sum + count, 0)
}

function textOf(result: HonestResult): string {
  const { sent, firstTokenMs, totalMs, losses } = result
  const times = `first token p50 ${at(firstTokenMs, 0.5)} ms, p99 ${at(firstTokenMs, 0.99)} ms; whole p50 ${at(totalMs, 0.5)} ms, p99 ${at(totalMs, 0.99)} ms`
  return `${sent} sent, ${lostBy(result)} lost ${JSON.stringify(losses)}; ${times}`
}

function at(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
}
