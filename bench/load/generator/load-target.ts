/** One target of a load: its connections, and the head of the requests to it. */

import type { LoadConnection, ResponseHandler } from '../connections/connection.ts'
import { ConnectionPool } from '../connections/connection-pool.ts'
import { addressOf } from '../connections/target-address.ts'
import type { LoadPlan } from '../plan/plan.ts'
import { PATHS } from '../prompts/prompt.ts'

export class LoadTarget {
  readonly #pool: ConnectionPool
  readonly #headText: string
  readonly #isHeadAscii: boolean
  readonly #idPrefix: string | undefined

  /** `sources` are local addresses to connect from; empty leaves the choice to the kernel. */
  constructor(url: string, plan: LoadPlan, sources: readonly string[]) {
    this.#pool = new ConnectionPool({ url, connection: plan.connection }, sources)
    this.#headText = headText(url, plan)
    this.#isHeadAscii = Buffer.byteLength(this.#headText) === this.#headText.length
    this.#idPrefix = plan.requestIdPrefix
  }

  /** A connection for one request. Pass it to `release` when the response has ended. */
  take(): LoadConnection {
    return this.#pool.take()
  }

  /** `index` is the number of the request, for its id. */
  send(connection: LoadConnection, body: string, index: number, handler: ResponseHandler): void {
    const length = Buffer.byteLength(body)
    const id = this.#idPrefix === undefined ? '' : `x-request-id: ${this.#idPrefix}${index}\r\n`
    const text = `${this.#headText}${id}content-length: ${length}\r\n\r\n${body}`
    connection.send(text, this.#isHeadAscii && length === body.length, handler)
  }

  release(connection: LoadConnection): void {
    this.#pool.release(connection)
  }

  close(): void {
    this.#pool.close()
  }
}

/** The head of every request, without its id and length. */
function headText(url: string, { endpoint, connection, headers }: LoadPlan): string {
  const given = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const close = connection === 'per-request' ? 'connection: close\r\n' : ''
  const { hostHeader, prefix } = addressOf(url)
  return `POST ${prefix}${PATHS[endpoint]} HTTP/1.1\r\nhost: ${hostHeader}\r\ncontent-type: application/json\r\n${close}${given.join('')}`
}
