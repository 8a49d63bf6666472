/** Conventional programs for HTTP: curl and hey. */
import { writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramRows } from '../results/rows.ts'
import type { Target } from '../target/target.ts'
import { post } from './http-client.ts'
import { CHAT_PATH, chat, streamedChat } from './requests.ts'
import { type Ended, runLimited } from './run-limited.ts'

const LIMIT_MS = 60_000
const LARGE_BYTES = 3_000_000
/** Longer than the time after which the HTTP library would close a connection by itself. */
const IDLE_MS = 35_000
const LOAD = { requests: 200, concurrency: 10 }

/** curl's exit code for a body that ends early. */
const PARTIAL_BODY = 18

export interface WebToolRun {
  readonly target: Target
  /** Folder for request bodies; it exists. */
  readonly folder: string
  readonly signal: AbortSignal
}

export async function checkCurl(rows: ProgramRows, { target, folder, signal }: WebToolRun): Promise<void> {
  const curl = (...args: readonly string[]) =>
    runLimited({ program: 'curl', args: ['-sS', '-m', '30', ...args], limitMs: LIMIT_MS, signal })
  const send = (body: object, ...args: readonly string[]) => {
    const path = join(folder, 'body.json')
    writeFileSync(path, JSON.stringify(body))
    return curl(
      ...args,
      '-H',
      'content-type: application/json',
      '-d',
      `@${path}`,
      `${target.url}${CHAT_PATH}`,
    )
  }
  await rows.compare('stream: exit code, [DONE] at the end', '0, true', async () => {
    const ended = await send(streamedChat(20), '-N')
    return `${exitCode(ended)}, ${ended.stdout.endsWith('data: [DONE]\n\n')}`
  })
  await rows.compare(
    'stream that breaks off: exit code, integer code in the last event, [DONE]',
    `${PARTIAL_BODY}, true, false`,
    async () => {
      target.decode.knobs.resetMidStreamProb = 1
      const ended = await send(streamedChat(20), '-N')
      target.decode.knobs.resetMidStreamProb = 0
      return `${exitCode(ended)}, ${/"code":\d+/.test(ended.stdout)}, ${ended.stdout.includes('[DONE]')}`
    },
  )
  await rows.compare(
    `body of ${LARGE_BYTES / 1e6} MB, which it announces with Expect: 100-continue`,
    '200',
    async () => statusOf(await send(chat(5, { user: 'x'.repeat(LARGE_BYTES) }), ...STATUS)),
  )
  await rows.compare('--http2, which asks for an upgrade: version, status', '1.1 200', async () =>
    statusOf(await send(chat(5), '--http2', '-o', '/dev/null', '-w', '%{http_version} %{http_code}')),
  )
  await rows.compare('-I /v1/models', '200', async () =>
    statusOf(await curl('-I', ...STATUS, `${target.url}/v1/models`)),
  )
  for (const path of ['/health', '/readiness'])
    await rows.compare(`--http1.0 ${path} of the admin listener`, '200', async () =>
      statusOf(await curl('--http1.0', ...STATUS, `${target.adminUrl}${path}`)),
    )
  await rows.compare('--http1.0 on the data port, as documented', '505', async () =>
    statusOf(await curl('--http1.0', ...STATUS, `${target.url}/health`)),
  )
}

/** The client that the bench tools of this project's users share with Node: connections that wait for their next request. */
export async function checkIdleConnection(rows: ProgramRows, target: Target): Promise<void> {
  await rows.compare(`connection idle for ${IDLE_MS / 1000} s: used again, status`, 'true, 200', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const call = { url: `${target.url}${CHAT_PATH}`, body: chat(2), agent }
    await post(call)
    await delay(IDLE_MS)
    const { isReused, status } = await post(call)
    agent.destroy()
    return `${isReused}, ${status}`
  })
}

export async function checkHey(rows: ProgramRows, { target, folder, signal }: WebToolRun): Promise<void> {
  const bodies = { 'whole responses': chat(5), streams: streamedChat(5) }
  for (const [kind, body] of Object.entries(bodies))
    await rows.compare(
      `${LOAD.requests} ${kind}, ${LOAD.concurrency} at a time: by status`,
      `[200] ${LOAD.requests}`,
      async () => {
        const path = join(folder, 'hey.json')
        writeFileSync(path, JSON.stringify(body))
        const amount = ['-n', String(LOAD.requests), '-c', String(LOAD.concurrency), '-t', '30']
        const args = [
          ...amount,
          '-m',
          'POST',
          '-T',
          'application/json',
          '-D',
          path,
          `${target.url}${CHAT_PATH}`,
        ]
        const { stdout } = await runLimited({ program: 'hey', args, limitMs: LIMIT_MS, signal })
        const statuses = [...stdout.matchAll(/^\s+(\[\d+\])\s+(\d+) responses$/gm)]
        return statuses.map(([, status, count]) => `${status} ${count}`).join(', ') || stdout.slice(-300)
      },
    )
}

const STATUS = ['-o', '/dev/null', '-w', '%{http_code}']

function exitCode({ exitReason }: Ended): string {
  return exitReason.replace('code ', '')
}

function statusOf({ stdout, exitReason, stderr }: Ended): string {
  return exitReason === 'code 0' ? stdout : `${exitReason}: ${stderr}`
}
