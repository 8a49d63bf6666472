/**
 * An honest client that sends its bodies in chunks, the head and each chunk in a segment of its own, like a proxy that does
 * not buffer requests. Sends one request after the other, each on a new connection.
 */
import { request } from 'node:http'
import { textOf } from './response-text.ts'

export interface ChunkedResults {
  readonly answered: number
  readonly failed: number
  /** Empty if none failed. */
  readonly firstFailure: string
}

const PAUSE_MS = 100
const LIMIT_MS = 60_000

export class ChunkedClient {
  readonly #url: string
  readonly #ended: Promise<void>
  #isClosed = false
  #answered = 0
  #failed = 0
  #firstFailure = ''

  constructor(url: string) {
    this.#url = `${url}/v1/completions`
    this.#ended = this.#run()
  }

  /** Resolves when the last request has its response. */
  async close(): Promise<ChunkedResults> {
    this.#isClosed = true
    await this.#ended
    return { answered: this.#answered, failed: this.#failed, firstFailure: this.#firstFailure }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await ask(this.#url)
        this.#answered++
      } catch (error) {
        this.#failed++
        this.#firstFailure ||= String(error)
      }
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }
}

async function ask(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(LIMIT_MS)
  const call = request(url, { method: 'POST', agent: false, headers, signal })
  const answered = textOf(call)
  call.setNoDelay(true)
  call.flushHeaders()
  setImmediate(() => {
    call.write('{"model":"sim","prompt":"Once",')
    setImmediate(() => call.end('"max_tokens":2,"ignore_eos":true}'))
  })
  const text = await answered
  if (!text.includes('"finish_reason"')) throw new Error(`unfinished response: ${text.slice(0, 200)}`)
}
