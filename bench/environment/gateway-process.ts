/** The gateway of a scenario: the real program in a process of its own, ready when it says so. */

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../src/core/error-text.ts'
import { freePort } from '../process/free-port.ts'
import type { FleetProcess } from './fleet/fleet-process.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'pd-gateway.js')
const READY_LIMIT_MS = 20_000
const LOOK_MS = 50
const CLOSE_LIMIT_MS = 10_000
/** Characters of what a gateway says that does not start. */
const SAID_LIMIT = 2000

export class GatewayProcess {
  readonly url: string
  readonly pid: number
  readonly adminUrl: string
  readonly #child: ChildProcess

  constructor(child: ChildProcess, url: string, adminUrl: string) {
    this.#child = child
    this.url = url
    this.adminUrl = adminUrl
    this.pid = child.pid ?? 0
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** `flags` come after those that name the engines. @throws Error when it is not ready in time. */
  static async start(fleet: FleetProcess, flags: readonly string[]): Promise<GatewayProcess> {
    const [port, adminPort] = [await freePort(), await freePort()]
    const child = spawn(
      process.execPath,
      [PROGRAM, 'serve', ...engineFlags(fleet), ...ownFlags(port, adminPort), ...flags],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    endWithUs(child)
    const said = saidBy(child)
    const closed = once(child, 'close')
    const gateway = new GatewayProcess(child, `http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`)
    try {
      await gateway.#untilReady()
      child.stderr.pipe(process.stderr, { end: false })
      return gateway
    } catch (error) {
      child.kill('SIGKILL')
      await closed
      throw new Error([messageOf(error), said()].filter(Boolean).join(': '), { cause: error })
    }
  }

  /** What the gateway tells of itself, as Prometheus text. */
  async metrics(): Promise<string> {
    const response = await fetch(`${this.adminUrl}/metrics`)
    return response.text()
  }

  async close(): Promise<void> {
    if (!this.isAlive) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_LIMIT_MS)
    await exit
    clearTimeout(timer)
  }

  async #untilReady(): Promise<void> {
    const giveUpAt = performance.now() + READY_LIMIT_MS
    while (performance.now() < giveUpAt && this.isAlive) {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      if (await isReady(this.url)) return
      // oxlint-disable-next-line no-await-in-loop -- a pause between two tries
      await delay(LOOK_MS)
    }
    throw new Error(
      this.isAlive ? `the gateway was not ready within ${READY_LIMIT_MS} ms` : 'the gateway did not start',
    )
  }
}

/** A bench that breaks down, as when nobody reads its output any more, leaves no gateway behind. */
function endWithUs(child: ChildProcess): void {
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
}

/** Gives what it has said by then, blanks and line ends as one blank. */
function saidBy({ stderr }: ChildProcessByStdio<null, null, Readable>): () => string {
  let text = ''
  stderr.on('data', chunk => (text = `${text}${String(chunk)}`.slice(-SAID_LIMIT)))
  return () => text.replaceAll(/\s+/g, ' ').trim()
}

function engineFlags({ prefill, decode }: FleetProcess): string[] {
  return [
    '--pd-disaggregation',
    ...prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...decode.flatMap(url => ['--decode', url]),
  ]
}

function ownFlags(port: number, adminPort: number): string[] {
  // Nobody balances load here, so nobody need notice the end.
  const alone = ['--prometheus-port', String(adminPort), '--shutdown-settle-secs', '0']
  return ['--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', ...alone]
}

async function isReady(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(2000)
  const response = await fetch(`${url}/readiness`, { signal }).catch(() => undefined)
  await response?.arrayBuffer()
  return response?.ok ?? false
}
