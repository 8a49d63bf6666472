/**
 * What an orchestrator and an operator see of the gateway during a siege: health probes and metrics, asked for every second,
 * each on a connection of its own.
 */
import { request } from 'node:http'
import { messageOf } from '../../src/core/text/error-text.ts'
import { readRssMib } from '../process/process-cost.ts'
import { textOf } from './response-text.ts'

export interface Sightings {
  /** Rounds of questions, and those in which a question was not answered with 200 within two seconds. */
  readonly rounds: number
  readonly missed: number
  /** Why the first of them was missed; empty if none was. */
  readonly firstMiss: string
  readonly slowestMs: number
  /** Engines that were seen in another state than healthy, counted once a round. */
  readonly unhealthy: number
  readonly maxConnections: number
  readonly maxRssMib: number
}

const INTERVAL_MS = 1000
const LIMIT_MS = 2000
const UNHEALTHY = /^pdgw_engine_health\{[^}]*state="(?!healthy)[^}]*\} 1$/gm
const CONNECTIONS = /^pdgw_frontend_connections (\d+)$/m

export class Watch {
  readonly #urls: readonly string[]
  readonly #pid: number
  readonly #timer: NodeJS.Timeout
  #rounds = 0
  #missed = 0
  #firstMiss = ''
  #slowestMs = 0
  #unhealthy = 0
  #maxConnections = 0
  #maxRssMib = 0

  /** `pid` is that of the gateway. */
  constructor(url: string, adminUrl: string, pid: number) {
    this.#urls = [`${url}/health`, `${url}/readiness`, `${adminUrl}/liveness`, `${adminUrl}/metrics`]
    this.#pid = pid
    this.#timer = setInterval(() => void this.#ask(), INTERVAL_MS)
  }

  close(): Sightings {
    clearInterval(this.#timer)
    return {
      rounds: this.#rounds,
      missed: this.#missed,
      firstMiss: this.#firstMiss,
      slowestMs: this.#slowestMs,
      unhealthy: this.#unhealthy,
      maxConnections: this.#maxConnections,
      maxRssMib: this.#maxRssMib,
    }
  }

  async #ask(): Promise<void> {
    this.#rounds++
    this.#maxRssMib = Math.max(this.#maxRssMib, readRssMib(this.#pid))
    const startMs = performance.now()
    try {
      const bodies = await Promise.all(this.#urls.map(bodyOf))
      const metrics = bodies.at(-1) ?? ''
      this.#unhealthy += [...metrics.matchAll(UNHEALTHY)].length
      this.#maxConnections = Math.max(this.#maxConnections, Number(CONNECTIONS.exec(metrics)?.[1] ?? 0))
    } catch (error) {
      this.#missed++
      this.#firstMiss ||= String(error)
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startMs)
  }
}

async function bodyOf(url: string): Promise<string> {
  const call = request(url, { agent: false, signal: AbortSignal.timeout(LIMIT_MS) })
  call.end()
  try {
    return await textOf(call)
  } catch (error) {
    throw new Error(`${url}: ${messageOf(error)}`, { cause: error })
  }
}
