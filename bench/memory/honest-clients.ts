/** Clients that send small streaming chats at a steady rate, and note what becomes of each. */
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface HonestResult {
  readonly sent: number
  /** What was lost, with how often. */
  readonly losses: Readonly<Record<string, number>>
  /** Milliseconds from the send to the first token and to the end, of those that succeeded; ascending. */
  readonly firstTokenMs: readonly number[]
  readonly totalMs: readonly number[]
}

const BODY = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }], stream: true })
const LIMIT_MS = 30_000

export interface HonestLoad {
  readonly secs: number
  /** Requests per second. */
  readonly rate: number
  /** Ends the sending early. */
  readonly signal: AbortSignal
}

/** Resolves when all requests that were sent within `secs` have ended. */
export async function runHonestClients(
  port: number,
  { secs, rate, signal }: HonestLoad,
): Promise<HonestResult> {
  const losses: Record<string, number> = {}
  const firstTokenMs: number[] = []
  const totalMs: number[] = []
  const agent = new Agent({ keepAlive: true })
  const record = async (pending: ReturnType<typeof chat>): Promise<void> => {
    try {
      const { first, total } = await pending
      firstTokenMs.push(first)
      totalMs.push(total)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      losses[reason] = (losses[reason] ?? 0) + 1
    }
  }
  const open: Promise<void>[] = []
  const startMs = performance.now()
  while (performance.now() - startMs < secs * 1000 && !signal.aborted) {
    open.push(record(chat(port, agent)))
    await delay(Math.max(0, startMs + (open.length * 1000) / rate - performance.now()))
  }
  await Promise.all(open)
  agent.destroy()
  return { sent: open.length, losses, firstTokenMs: sorted(firstTokenMs), totalMs: sorted(totalMs) }
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b)
}

/** @throws Error for any answer but a whole stream. */
function chat(port: number, agent: Agent): Promise<{ readonly first: number; readonly total: number }> {
  const startMs = performance.now()
  return new Promise((resolve, reject) => {
    const options = {
      port,
      agent,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', 'content-length': BODY.length },
      timeout: LIMIT_MS,
    }
    const call = request(options, response => {
      let first: number | undefined
      let tail = ''
      response.on('data', (part: Buffer) => {
        first ??= performance.now() - startMs
        tail = (tail + part.toString('latin1')).slice(-200)
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}: ${tail}`))
        else if (first === undefined || !tail.endsWith('[DONE]\n\n'))
          reject(new Error('an incomplete stream'))
        else resolve({ first, total: performance.now() - startMs })
      })
    })
    call.on('timeout', () => call.destroy(new Error(`nothing for ${LIMIT_MS} ms`)))
    call.on('error', reject)
    call.end(BODY)
  })
}
