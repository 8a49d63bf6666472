/** The official OpenAI client for Node: what its users call, and what they see when something fails. A program of its own. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type OpenAI from 'openai'

const {
  LAB_GATEWAY: gateway = '',
  LAB_ADMIN: admin = '',
  LAB_CONTROL: control = '',
  LAB_KEY: apiKey = '',
} = process.env
const MODEL = 'sim'
const MESSAGES: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Write a story.' }]
const STREAMS = 100
const BROKEN_STREAMS = 40
const WAIT_LIMIT_MS = 20_000

/** The package in the folder that the lab names; versions differ, their interface for this script does not. */
const path = createRequire(process.env['LAB_PACKAGE'] ?? import.meta.url).resolve('openai')
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package is one of openai's own versions
const library = (await import(pathToFileURL(path).href)) as { default: typeof OpenAI }
const clientWith = (options: object) =>
  new library.default({ baseURL: `${gateway}/v1`, apiKey, maxRetries: 0, timeout: 60_000, ...options })
const client = clientWith({})

async function check(what: string, expected: string, see: () => Promise<string>): Promise<void> {
  const seen = await see().catch((error: unknown) => `error: ${String(error)}`)
  process.stdout.write(`${JSON.stringify({ what, expected, seen, isRight: seen === expected })}\n`)
}

async function errorOf(call: Promise<unknown>): Promise<{ name: string; status: unknown; message: string }> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { name: error.constructor.name, status: Reflect.get(error, 'status'), message: error.message }
  }
  throw new Error('nothing was thrown')
}

/** Requests by outcome, as the gateway has counted them. */
async function outcomes(): Promise<Map<string, number>> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  const counts = new Map<string, number>()
  for (const [, name = '', count] of text.matchAll(
    /^pdgw_router_requests_total\{.*outcome="([\w-]+)"\} (\d+)$/gm,
  ))
    counts.set(name, (counts.get(name) ?? 0) + Number(count))
  return counts
}

async function until(isReached: () => Promise<boolean>, what: string): Promise<void> {
  const giveUpMs = performance.now() + WAIT_LIMIT_MS
  while (!(await isReached())) {
    if (performance.now() > giveUpMs) throw new Error(`not within ${WAIT_LIMIT_MS / 1000} s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function sumOf(counter: string): Promise<number> {
  const engines: unknown = await (await fetch(`${control}/counters`)).json()
  if (typeof engines !== 'object' || engines === null) throw new TypeError('The counters are an object')
  return Object.values(engines).reduce(
    (sum: number, engine: object) => sum + Number(Reflect.get(engine, counter)),
    0,
  )
}

async function setResets(resetMidStreamProb: number): Promise<void> {
  const body = JSON.stringify({ engine: 'decode/0', knobs: { resetMidStreamProb } })
  await fetch(`${control}/knobs`, { method: 'POST', body })
}

/** New outcomes of that many requests, once they have ended, as text. */
async function newOutcomes(
  before: ReadonlyMap<string, number>,
  requests: number,
): Promise<Map<string, number>> {
  let counts = new Map<string, number>()
  await until(async () => {
    counts = new Map([...(await outcomes())].map(([name, count]) => [name, count - (before.get(name) ?? 0)]))
    return [...counts.values()].reduce((sum, count) => sum + count, 0) >= requests
  }, 'the requests have ended')
  return new Map([...counts].filter(([, count]) => count > 0))
}

async function idle(): Promise<string> {
  await until(async () => (await sumOf('running')) === 0, 'the engines are idle')
  return 'idle'
}

async function readStream(maxTokens: number): Promise<number> {
  let contents = 0
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages: MESSAGES,
    max_tokens: maxTokens,
    stream: true,
  })
  for await (const { choices } of stream) if (choices[0]?.delta.content) contents++
  return contents
}

async function shortStreams(): Promise<string> {
  const [before, aborts] = [await outcomes(), await sumOf('abortCalls')]
  for (let index = 0; index < STREAMS; index++) await readStream(4)
  const counts = await newOutcomes(before, STREAMS)
  return `${JSON.stringify(Object.fromEntries(counts))}, ${(await sumOf('abortCalls')) - aborts}`
}

async function brokenStreams(): Promise<string> {
  const [before, cuts] = [await outcomes(), await sumOf('disconnected')]
  const messages: string[] = []
  await setResets(0.3)
  for (let index = 0; index < BROKEN_STREAMS; index++)
    await readStream(30).catch((error: unknown) => messages.push(String(error)))
  await setResets(0)
  const counts = await newOutcomes(before, BROKEN_STREAMS)
  const named = messages.filter(message => message.includes('decode engine')).length
  const [broken = 0, byEngine] = [counts.get('broken'), (await sumOf('disconnected')) - cuts]
  const isSame = broken > 0 && messages.length === broken && byEngine === broken
  return isSame && named === broken
    ? 'the same, above 0; named'
    : `${messages.length}, ${broken}, ${byEngine}; named ${named}: ${messages[0] ?? ''}`
}

await check(`${STREAMS} streams of 4 tokens: outcomes, abort calls`, `{"ok":${STREAMS}}, 0`, shortStreams)
await check(
  `${BROKEN_STREAMS} streams, 30% break off: failures of client, gateway, engine; message`,
  'the same, above 0; named',
  brokenStreams,
)
await check('models: list, retrieve', 'sim, sim', async () => {
  const { data } = await client.models.list()
  return `${data.map(({ id }) => id).join()}, ${(await client.models.retrieve('sim')).id}`
})
await check('chat: tokens', '20', async () => {
  const answer = await client.chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 20 })
  return String(answer.usage?.completion_tokens)
})
await check('stream: finish, usage', 'length, 20', async () => {
  const [finishes, usages]: [string[], number[]] = [[], []]
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages: MESSAGES,
    max_tokens: 20,
    stream: true,
    stream_options: { include_usage: true },
  })
  for await (const { choices, usage } of stream) {
    if (usage) usages.push(usage.completion_tokens)
    for (const choice of choices) if (choice.finish_reason) finishes.push(choice.finish_reason)
  }
  return `${finishes.join()}, ${usages.join()}`
})
await check('tools', 'weather', async () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
  const answer = await client.chat.completions.create({
    model: MODEL,
    messages: MESSAGES,
    tools: [{ type: 'function', function: { name: 'weather', parameters } }],
  })
  const [call] = answer.choices[0]?.message.tool_calls ?? []
  return call?.type === 'function' ? call.function.name : 'no call'
})
await check('parse of a JSON schema', 'name', async () => {
  const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
  const answer = await client.chat.completions.parse({
    model: MODEL,
    messages: MESSAGES,
    response_format: { type: 'json_schema', json_schema: { name: 'person', schema } },
  })
  const parsed: unknown = JSON.parse(answer.choices[0]?.message.content ?? '')
  return Object.keys(parsed ?? {}).join()
})
await check('n = 3 with logprobs', '3, 5', async () => {
  const answer = await client.chat.completions.create({
    model: MODEL,
    messages: MESSAGES,
    max_tokens: 5,
    n: 3,
    logprobs: true,
  })
  return `${answer.choices.length}, ${answer.choices[2]?.logprobs?.content?.length}`
})
await check('completions: text, list, token ids', '1, 2, 1', async () => {
  const prompts = ['Once', ['Once', 'upon'], [11, 12]]
  const counts: number[] = []
  for (const prompt of prompts) {
    const answer = await client.completions.create({ model: MODEL, prompt, max_tokens: 3 })
    counts.push(answer.choices.length)
  }
  return counts.join(', ')
})
await check('x-request-id comes back', 'lab-3', async () => {
  const options = { headers: { 'x-request-id': 'lab-3' } }
  const answer = await client.chat.completions.create(
    { model: MODEL, messages: MESSAGES, max_tokens: 2 },
    options,
  )
  return String(Reflect.get(answer, '_request_id'))
})
await check('timeout of the client: engines', 'APIConnectionTimeoutError, idle', async () => {
  const request = { model: MODEL, messages: MESSAGES, max_tokens: 5000 }
  const { name } = await errorOf(client.chat.completions.create(request, { timeout: 500 }))
  return `${name}, ${await idle()}`
})
await check('stream left: engines', 'idle', async () => {
  const request = { model: MODEL, messages: MESSAGES, max_tokens: 5000, stream: true } as const
  let seen = 0
  for await (const _ of await client.chat.completions.create(request)) if (++seen === 5) break
  return idle()
})
await check('wrong key', 'AuthenticationError, 401', async () => {
  const wrong = clientWith({ apiKey: 'wrong' })
  const { name, status } = await errorOf(wrong.chat.completions.create({ model: MODEL, messages: MESSAGES }))
  return `${name}, ${String(status)}`
})
await check('unknown model, endpoint that is not served', 'NotFoundError, NotFoundError', async () => {
  const model = await errorOf(client.models.retrieve('nope'))
  const endpoint = await errorOf(client.embeddings.create({ model: MODEL, input: 'a' }))
  return `${model.name}, ${endpoint.name}`
})
await check('request that is not valid: the reason is in the message', 'BadRequestError, true', async () => {
  const request = { model: MODEL, messages: MESSAGES, max_tokens: -1 }
  const { name, message } = await errorOf(client.chat.completions.create(request))
  return `${name}, ${message.includes('max_tokens')}`
})
