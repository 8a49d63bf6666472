/** Attacks that send bursts of requests, each on a connection of its own: valid ones, invalid ones and large batches. */
import { connect, type Socket } from 'node:net'
import { type Attack, type AttackPlan, HOST, headOf, postOf, SOURCES } from './attack.ts'
import { countStatuses, newTally } from './tally.ts'

interface Flood {
  readonly port: number
  readonly everyMs: number
  /** Requests of one burst. */
  readonly burst: number
  /** No burst is sent while more than this are unanswered. */
  readonly maxOpen: number
  readonly texts: readonly string[]
}

const ANSWER_LIMIT_MS = 10_000

const VALID = { model: 'sim', prompt: 'Once', max_tokens: 2, ignore_eos: true }

const DATA_TEXTS: readonly string[] = [
  postOf('/v1/completions', VALID),
  postOf('/v1/completions', { ...VALID, stream: true }),
  postOf('/v1/completions', '{"model":'),
  postOf('/v1/chat/completions', { model: 'sim', messages: 'none', n: -1 }),
  postOf('/generate', { text: 7 }),
  postOf('/nothing', '{}'),
  headOf('GET', '/health'),
  headOf('GET', '/v1/models'),
  headOf('DELETE', '/v1/completions'),
  headOf('POST', '/generate', ['content-length: 2', 'content-length: 3']),
  headOf('POST', '/generate', ['transfer-encoding: gzip, chunked']),
  'not a request\r\n\r\n',
]

const ADMIN_TEXTS: readonly string[] = [
  headOf('GET', '/metrics'),
  headOf('GET', '/metrics').repeat(50),
  headOf('GET', '/admin/engines'),
  postOf('/admin/engines', '{"url":'),
  headOf('POST', '/admin/engines', ['content-length: 100']),
  headOf('GET', '/nothing'),
  'not a request\r\n\r\n',
  'GET /metrics HTTP/1.1\r\nx-slow: ',
]

/** Bursts of valid, invalid and malformed requests to the clients' port. */
export function floodData({ port }: AttackPlan): Attack {
  return flood({ port, everyMs: 250, burst: 48, maxOpen: 192, texts: DATA_TEXTS })
}

/** Bursts of requests to the admin listener, more at once than it has connections. */
export function floodAdmin({ adminPort }: AttackPlan): Attack {
  return flood({ port: adminPort, everyMs: 250, burst: 48, maxOpen: 192, texts: ADMIN_TEXTS })
}

function prompts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `Prompt ${index}`)
}

/** Requests of thousands of prompts. */
export function sendBatches({ port }: AttackPlan): Attack {
  const texts = [
    postOf('/v1/completions', { ...VALID, prompt: prompts(2000), max_tokens: 1 }),
    postOf('/generate', { text: prompts(4000), sampling_params: { max_new_tokens: 1 } }),
    postOf('/generate', { text: prompts(20_000), sampling_params: { max_new_tokens: 1 } }),
    postOf('/v1/completions', { ...VALID, n: 1_000_000 }),
  ]
  return flood({ port, everyMs: 1000, burst: 1, maxOpen: 2, texts })
}

function flood({ port, everyMs, burst, maxOpen, texts }: Flood): Attack {
  const tally = newTally()
  const open = new Set<Socket>()
  let sent = 0
  const send = (): void => {
    const index = sent++
    const localAddress = SOURCES[index % SOURCES.length] ?? HOST
    const socket = connect({ host: HOST, port, localAddress })
    let isOpen = false
    open.add(socket)
    tally.peakOpen = Math.max(tally.peakOpen, open.size)
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy())
    socket.on('connect', () => {
      isOpen = true
      tally.opened++
      socket.write(texts[index % texts.length] ?? '')
    })
    socket.on('data', (part: Buffer) => {
      const text = part.toString('latin1')
      countStatuses(tally, text)
      // One response is enough; what is streamed is read to its end.
      if (/content-length: \d/i.test(text)) socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      open.delete(socket)
      if (isOpen) tally.closed++
      else tally.notOpened++
    })
  }
  const timer = setInterval(() => {
    for (let count = 0; count < burst && open.size < maxOpen; count++) send()
  }, everyMs)
  const close = (): void => {
    clearInterval(timer)
    for (const socket of open) socket.destroy()
  }
  return { tally, close }
}
