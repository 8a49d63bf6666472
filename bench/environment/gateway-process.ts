/** The gateway of a scenario: the real program in its own process, started and polled until it is ready. */
import { join } from 'node:path'
import { messageOf } from '../../src/core/text/error-text.ts'
import { Child, type ChildOptions } from '../../src/process/child-process.ts'
import { freePort } from '../process/free-port.ts'

/** Addresses of the engines. Mixed engines stand without others. */
export interface GatewayEngines {
  readonly prefill?: readonly { readonly url: string; readonly bootstrapPort: number }[]
  readonly decode?: readonly string[]
  readonly mixed?: readonly string[]
}

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'pd-gateway.js')
const READY_LIMIT_MS = 20_000
const PROBE_TIMEOUT_MS = 2000
const STOP_GRACE_MS = 10_000

export class GatewayProcess {
  readonly url: string
  readonly adminUrl: string
  readonly #child: Child

  private constructor(child: Child, url: string, adminUrl: string) {
    this.#child = child
    this.url = url
    this.adminUrl = adminUrl
  }

  get pid(): number {
    return this.#child.pid
  }

  get isAlive(): boolean {
    return this.#child.isRunning
  }

  /** Why it does not run, for example `code 0`; only meaningful once it has ended. */
  get exitReason(): string {
    return this.#child.exitReason
  }

  /**
   * Starts a gateway in front of the engines. `flags` follow those that name the engines.
   * @throws Error with the gateway's own output when it is not ready within 20 s.
   */
  static async start(
    engines: GatewayEngines,
    flags: readonly string[],
    options: Pick<ChildOptions, 'core' | 'maxOpenFiles' | 'stdout'> = {},
  ): Promise<GatewayProcess> {
    const [port, adminPort] = [await freePort(), await freePort()]
    const args = [PROGRAM, 'serve', ...engineFlags(engines), ...listenFlags(port, adminPort), ...flags]
    const child = Child.start({ program: process.execPath, args, holdErrors: true, ...options })
    const gateway = new GatewayProcess(child, `http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`)
    try {
      await child.untilReady(() => reasonNotReady(gateway.url), READY_LIMIT_MS)
      child.passErrorsOn()
      return gateway
    } catch (error) {
      await child.stop()
      const output = child.outputTail().replaceAll(/\s+/g, ' ').trim()
      const reason = [messageOf(error), output].filter(Boolean).join(': ')
      throw new Error(`The gateway did not start: ${reason}`, { cause: error })
    }
  }

  /** The gateway's metrics as Prometheus text. */
  async metrics(): Promise<string> {
    const response = await fetch(`${this.adminUrl}/metrics`)
    return response.text()
  }

  async close(): Promise<void> {
    await this.#child.stop(STOP_GRACE_MS)
  }
}

function engineFlags({ prefill = [], decode = [], mixed = [] }: GatewayEngines): string[] {
  if (mixed.length > 0) return mixed.flatMap(url => ['--worker-urls', url])
  return [
    '--pd-disaggregation',
    ...prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...decode.flatMap(url => ['--decode', url]),
  ]
}

function listenFlags(port: number, adminPort: number): string[] {
  // No load balancer has to notice the shutdown, so there is nothing to wait for.
  const settle = ['--prometheus-port', String(adminPort), '--shutdown-settle-secs', '0']
  return ['--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', ...settle]
}

async function reasonNotReady(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/readiness`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })
    await response.arrayBuffer()
    return response.ok ? undefined : `/readiness returned status ${response.status}`
  } catch (error) {
    return messageOf(error)
  }
}
