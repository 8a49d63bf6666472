/** What must hold behind every front proxy with the settings of the documents. */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { leave, post } from '../programs/http-client.ts'
import { CHAT_PATH, chat, streamedChat } from '../programs/requests.ts'
import type { ProgramRows } from '../results/rows.ts'
import { until } from '../target/tally.ts'
import type { Target } from '../target/target.ts'

const STREAM_TOKENS = 20
/** Long enough that every token is an event of its own, on a busy machine too. */
const SLOW_STEP_MS = 100
/** A response that takes a minute: a client that leaves it is noticed long before its end. */
const LONG_TOKENS = 6000
const REQUESTS_IN_ROW = 20
/** More than three times the interval of the health checks in the documents. */
const HEALTH_CHECKS_MS = 7000

/** How a proxy ends the response to its client if the one that it relays breaks off. */
export type BrokenEnd = 'cut off' | 'as if complete'

export interface ProxyCase {
  readonly target: Target
  /** Origin of the proxy. */
  readonly origin: string
  readonly brokenEnd: BrokenEnd
}

export async function checkProxy(rows: ProgramRows, { target, origin, brokenEnd }: ProxyCase): Promise<void> {
  const url = `${origin}${CHAT_PATH}`
  await rows.compare('whole response: status, tokens, x-request-id', '200, 20, lab-2', async () => {
    const { status, body, headers } = await post({
      url,
      body: chat(20),
      headers: { 'x-request-id': 'lab-2' },
    })
    return `${status}, ${tokensOf(body)}, ${String(headers['x-request-id'])}`
  })
  await checkStream(rows, target, url)
  await checkReuse(rows, target, url)
  await checkLeaving(rows, target, url)
  await rows.compare(
    'stream that breaks off: error event, [DONE], end of the response',
    `true, false, ${brokenEnd}`,
    async () => {
      target.decode.knobs.resetMidStreamProb = 1
      const { body, isComplete } = await post({ url, body: streamedChat(STREAM_TOKENS) })
      target.decode.knobs.resetMidStreamProb = 0
      const end: BrokenEnd = isComplete ? 'as if complete' : 'cut off'
      return `${body.includes('"error"')}, ${body.includes('[DONE]')}, ${end}`
    },
  )
  await checkHealth(rows, origin)
}

/** After several health checks of the proxy, the gateway still gets requests. */
export async function checkHealth(rows: ProgramRows, origin: string): Promise<void> {
  await rows.compare(`request after ${HEALTH_CHECKS_MS / 1000} s of health checks`, '200', async () => {
    await delay(HEALTH_CHECKS_MS)
    const { status } = await post({ url: `${origin}${CHAT_PATH}`, body: chat(2) })
    return String(status)
  })
}

async function checkStream(rows: ProgramRows, target: Target, url: string): Promise<void> {
  target.decode.knobs.itlBaseMs = SLOW_STEP_MS
  let isRunningAtFirst = false
  const seen = await post({
    url,
    body: streamedChat(STREAM_TOKENS),
    onRead: () => (isRunningAtFirst ||= target.decode.running() > 0),
  })
  target.decode.knobs.itlBaseMs = 10
  rows.add({
    what: `stream of ${STREAM_TOKENS} tokens: first event before the last, reads, [DONE]`,
    expected: `true, at least ${STREAM_TOKENS / 2}, true`,
    seen: `${isRunningAtFirst}, ${seen.reads}, ${seen.body.endsWith('data: [DONE]\n\n')}`,
    figure: `${seen.reads} reads of ${STREAM_TOKENS} tokens`,
    isRight: isRunningAtFirst && seen.reads >= STREAM_TOKENS / 2 && seen.body.endsWith('data: [DONE]\n\n'),
  })
}

async function checkReuse(rows: ProgramRows, target: Target, url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const seen = []
  for (let index = 0; index < REQUESTS_IN_ROW; index++) seen.push(await post({ url, body: chat(2), agent }))
  agent.destroy()
  const reused = seen.filter(({ isReused }) => isReused).length
  const open = Number(/^pdgw_frontend_connections (\d+)$/m.exec(await target.metrics())?.[1])
  rows.add({
    what: `${REQUESTS_IN_ROW} requests in a row: on a used connection; connections that the gateway has open after them`,
    expected: `${REQUESTS_IN_ROW - 1}; 1 to 4`,
    seen: `${reused}; ${open}`,
    isRight: reused === REQUESTS_IN_ROW - 1 && open >= 1 && open <= 4,
  })
}

async function checkLeaving(rows: ProgramRows, target: Target, url: string): Promise<void> {
  const bodies = { stream: streamedChat(LONG_TOKENS), 'whole response': chat(LONG_TOKENS) }
  for (const [kind, body] of Object.entries(bodies))
    await rows.compare(`client leaves a ${kind}: engines`, 'idle', async () => {
      const isGenerating = () => target.decode.counters.tokens > tokensBefore
      const tokensBefore = target.decode.counters.tokens
      await leave({ url, body }, until(isGenerating, 'the decode engine generates'))
      await until(() => target.running === 0, 'the engines are idle')
      return 'idle'
    })
}

function tokensOf(body: string): string {
  return /"completion_tokens":(\d+)/.exec(body)?.[1] ?? 'no usage'
}
