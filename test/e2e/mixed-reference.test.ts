/**
 * What a client receives does not depend on whether prefill and decode run in two engines: the same request gives the
 * same response, field by field, from the gateway with a pair and from one mixed engine.
 *
 * Not compared: ids that engines generate, times, and the interleaving of the events of several samples.
 */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import type { Knobs } from '../../src/simulator/settings/knobs.ts'
import { openFleet, openGateway } from '../support/gateway.ts'

const gateway = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })
const mixed = await openFleet({ after }, { mixed: 1 })
const ENGINES = [...gateway.fleet.prefill, ...gateway.fleet.decode, ...mixed.mixed]
const GATEWAY = gateway.origin
const REFERENCE = mixed.mixed[0]?.url ?? ''

type Style = Pick<Knobs, 'incrementalStreaming' | 'streamInterval'>

const CUMULATIVE: Style = { incrementalStreaming: false, streamInterval: 1 }

/** Sets how all engines stream from now on. */
function setStyle(style: Style): void {
  for (const { knobs } of ENGINES) Object.assign(knobs, style)
}

type Body = Readonly<Record<string, unknown>>

interface Case {
  readonly name: string
  readonly path: '/generate' | '/v1/completions' | '/v1/chat/completions'
  readonly body: Body
}

const CHAT: Body = {
  model: 'sim',
  messages: [
    { role: 'system', content: 'Sei kurz.' },
    { role: 'user', content: 'Hello 日本 <stop:9>' },
  ],
  max_tokens: 24,
}
const SAMPLING = { max_new_tokens: 20 }
const PROMPTS = ['first prompt', 'zweiter Prompt 🙂', 'third <stop:4>']
const IDS = [
  [11, 12, 13],
  [21, 22],
]
const LOGPROBS: Body = {
  return_logprob: true,
  logprob_start_len: 0,
  top_logprobs_num: 2,
  return_text_in_logprobs: true,
}

const USAGE_EACH: Body = { stream_options: { include_usage: true, continuous_usage_stats: true } }

const GENERATE: Record<string, Body> = {
  'a text': { text: 'Once upon a time', sampling_params: SAMPLING },
  'token ids': { input_ids: [5, 6, 7, 8], sampling_params: SAMPLING },
  'one token': { text: 'Once', sampling_params: { max_new_tokens: 1 } },
  'a text with a stop': { text: 'Once <stop:3>', sampling_params: SAMPLING },
  'a list of texts': { text: PROMPTS, sampling_params: SAMPLING },
  'a list of one text': { text: ['alone'], sampling_params: SAMPLING },
  'a list of lists of ids': { input_ids: IDS, sampling_params: SAMPLING },
  'a list of one list of ids': { input_ids: [[3, 4]], sampling_params: SAMPLING },
  'a list with parameters for each': {
    text: ['first', 'second'],
    sampling_params: [{ max_new_tokens: 5 }, { max_new_tokens: 9 }],
  },
  'two samples': { text: 'Twice', sampling_params: { ...SAMPLING, n: 2 } },
  'two samples of token ids': { input_ids: [9, 9, 9], sampling_params: { ...SAMPLING, n: 2 } },
  'two samples of each text': { text: ['a b', 'c d'], sampling_params: { ...SAMPLING, n: 2 } },
  'prompt logprobs': { text: 'Once upon a time', sampling_params: SAMPLING, ...LOGPROBS },
  'prompt logprobs of token ids': { input_ids: [5, 6, 7], sampling_params: SAMPLING, ...LOGPROBS },
  'prompt logprobs from a place on': {
    text: 'Once upon a time there was',
    sampling_params: SAMPLING,
    ...LOGPROBS,
    logprob_start_len: 2,
  },
  'prompt logprobs of a batch': { text: PROMPTS, sampling_params: SAMPLING, ...LOGPROBS },
  'prompt logprobs of two samples': {
    text: 'Twice upon',
    sampling_params: { ...SAMPLING, n: 2 },
    ...LOGPROBS,
  },
  'prompt logprobs of two samples of a batch': {
    text: ['a b c d e', 'f g'],
    sampling_params: { ...SAMPLING, n: 2 },
    ...LOGPROBS,
  },
  'logprobs of the output only': { text: 'Once', sampling_params: SAMPLING, return_logprob: true },
  'logprobs of named tokens': {
    text: 'Once upon a time',
    sampling_params: SAMPLING,
    ...LOGPROBS,
    token_ids_logprob: [7, 8],
  },
  'logprobs of named tokens of the output only': {
    text: 'Once',
    sampling_params: SAMPLING,
    return_logprob: true,
    token_ids_logprob: [7],
  },
  'logprobs of named tokens of two samples': {
    text: 'Once',
    sampling_params: { ...SAMPLING, n: 2 },
    return_logprob: true,
    token_ids_logprob: [7],
  },
  'logprobs of named tokens of a batch': {
    text: ['a b c d e', 'f g'],
    sampling_params: SAMPLING,
    ...LOGPROBS,
    token_ids_logprob: [[7], [8, 9]],
  },
  'logprobs of named tokens without an output token': {
    text: 'Once upon a time',
    sampling_params: { ...SAMPLING, max_new_tokens: 0 },
    ...LOGPROBS,
    token_ids_logprob: [7, 8],
  },
  'logprobs of named tokens of a batch of which one has no output token': {
    text: ['a b c', 'd e'],
    sampling_params: [SAMPLING, { ...SAMPLING, max_new_tokens: 0 }],
    ...LOGPROBS,
    token_ids_logprob: [[7], [8]],
  },
  'a rid of the client': { text: 'Once', sampling_params: SAMPLING, rid: 'my "own" rid' },
  'rids of the client': { text: PROMPTS, sampling_params: SAMPLING, rid: ['rid-a', 'rid-b', 'rid-c'] },
  'one rid of the client for a batch': { text: PROMPTS, sampling_params: SAMPLING, rid: 'batch' },
  'a response without a token': { text: 'x <stop:0>', sampling_params: SAMPLING },
  'a batch of one with two samples': { text: ['alone'], sampling_params: { ...SAMPLING, n: 2 } },
  'a rid of the client with logprobs': { text: 'Once', sampling_params: SAMPLING, rid: 'r', ...LOGPROBS },
}

const COMPLETIONS: Record<string, Body> = {
  'a prompt': { prompt: 'Once upon' },
  'a list of prompts': { prompt: PROMPTS },
  'a list of one prompt': { prompt: ['alone'] },
  'token ids': { prompt: [5, 6, 7] },
  'a list of token ids': { prompt: IDS },
  'two samples': { prompt: 'Twice', n: 2 },
  'two samples of each prompt': { prompt: ['a b', 'c d'], n: 2 },
  logprobs: { prompt: 'Once upon', logprobs: 2 },
  'logprobs of two samples': { prompt: 'Twice', n: 2, logprobs: 1 },
  'an echoed prompt with logprobs': { prompt: 'Once upon a time', echo: true, logprobs: 2 },
  'an echoed prompt with logprobs, without top ones': { prompt: 'Once upon a time', echo: true, logprobs: 0 },
  'an echoed prompt of one token with logprobs': { prompt: [5], echo: true, logprobs: 1 },
  'echoed token ids with logprobs': { prompt: [5, 6, 7], echo: true, logprobs: 1 },
  'echoed prompts with logprobs': { prompt: PROMPTS, echo: true, logprobs: 2 },
  'a list of one echoed prompt with logprobs': { prompt: ['alone'], echo: true, logprobs: 1 },
  'an echoed prompt with logprobs of two samples': { prompt: 'Twice upon', n: 2, echo: true, logprobs: 1 },
  'echoed prompts with logprobs of two samples': { prompt: ['a b', 'c d e'], n: 2, echo: true, logprobs: 2 },
  'an echoed prompt with logprobs that ends at once': { prompt: 'x y <stop:0>', echo: true, logprobs: 1 },
  'an echoed prompt with logprobs and a rid of the client': {
    prompt: 'Once upon',
    echo: true,
    logprobs: 1,
    rid: 'echoed',
  },
  'echoed prompts': { prompt: PROMPTS, echo: true },
  'echoed prompts of two samples': { prompt: ['a b', 'c d'], echo: true, n: 2 },
  'an echoed prompt of two samples': { prompt: 'Once upon', echo: true, n: 2 },
  'usage in each event': { ...USAGE_EACH, prompt: 'Once' },
  'usage in each event of two samples': { ...USAGE_EACH, prompt: 'Twice', n: 2 },
  'usage in each event of two samples of each prompt': { ...USAGE_EACH, prompt: ['a b', 'c d'], n: 2 },
  'usage in each event alone, of two samples': {
    prompt: 'Twice',
    n: 2,
    stream_options: { continuous_usage_stats: true },
  },
  'a prompt that ends at once': { prompt: 'x <stop:0>' },
  'one token': { prompt: 'x', max_tokens: 1 },
  'an echoed prompt': { prompt: 'Once upon', echo: true },
  'a rid of the client': { prompt: 'Once', rid: 'completion' },
}

const CHATS: Record<string, Body> = {
  'a chat': {},
  'one token': { max_tokens: 1 },
  'a response without a token': { messages: [{ role: 'user', content: 'x <stop:0>' }] },
  'two samples': { n: 2 },
  'three samples': { n: 3 },
  logprobs: { logprobs: true, top_logprobs: 2 },
  'logprobs of two samples': { n: 2, logprobs: true, top_logprobs: 1 },
  'usage in each event': USAGE_EACH,
  'usage in each event of three samples': { ...USAGE_EACH, n: 3 },
  'a rid of the client': { rid: 'chat' },
}

const CASES: readonly Case[] = [
  ...Object.entries(GENERATE).map(([name, body]): Case => ({ name, path: '/generate', body })),
  ...Object.entries(COMPLETIONS).map(
    ([name, body]): Case => ({
      name,
      path: '/v1/completions',
      body: Object.assign({ model: 'sim', max_tokens: 20 }, body),
    }),
  ),
  ...Object.entries(CHATS).map(
    ([name, body]): Case => ({ name, path: '/v1/chat/completions', body: Object.assign({}, CHAT, body) }),
  ),
]

/** The cases run concurrently, because they mostly wait for tokens. */
const TOGETHER = { concurrency: 8 }

test('a whole response equals that of a mixed engine', TOGETHER, async t => {
  await eachCase(t, CASES, async ({ path, body }) => {
    const [ofPair, ofMixed] = await sendToBoth(path, body)
    assert.equal(ofPair.status, ofMixed.status, ofPair.text)
    assert.equal(ofPair.type, ofMixed.type)
    assert.deepEqual(plain(JSON.parse(ofPair.text), body), plain(JSON.parse(ofMixed.text), body))
  })
})

for (const [how, style] of Object.entries<Style>({
  'cumulative events': CUMULATIVE,
  'incremental events': { ...CUMULATIVE, incrementalStreaming: true },
  'several tokens per event': { ...CUMULATIVE, streamInterval: 4 },
})) {
  test(`a stream equals that of a mixed engine: ${how}`, TOGETHER, async t => {
    setStyle(style)
    const usage = { stream_options: { include_usage: true } }
    const plainStreams = CASES.map(({ name, path, body }) => ({
      name,
      path,
      body: Object.assign({ stream: true }, body),
    }))
    const withUsage = plainStreams
      .filter(({ path }) => path !== '/generate')
      .map(({ name, path, body }) => ({
        name: `${name}, with usage`,
        path,
        body: Object.assign({}, usage, body),
      }))
    // One after the other, because an engine accepts a rid only once at a time.
    await eachCase(t, plainStreams, checkStream)
    await eachCase(t, withUsage, checkStream)
  })
}

async function checkStream({ path, body }: Case): Promise<void> {
  const [ofPair, ofMixed] = await sendToBoth(path, body)
  assert.equal(ofPair.status, ofMixed.status, ofPair.text)
  assert.equal(ofPair.type, ofMixed.type)
  assert.deepEqual(eventsByIndex(ofPair.text, body), eventsByIndex(ofMixed.text, body))
}

async function eachCase(
  t: TestContext,
  cases: readonly Case[],
  check: (entry: Case) => Promise<void>,
): Promise<void> {
  await Promise.all(cases.map(entry => t.test(`${entry.path}: ${entry.name}`, () => check(entry))))
}

interface ReceivedResponse {
  readonly status: number
  readonly type: string | null
  readonly text: string
}

async function sendToBoth(
  path: string,
  body: Body,
): Promise<[ofPair: ReceivedResponse, ofMixed: ReceivedResponse]> {
  return Promise.all([post(`${GATEWAY}${path}`, body), post(`${REFERENCE}${path}`, body)])
}

async function post(url: string, body: Body): Promise<ReceivedResponse> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type'), text }
}

/** Events in order by prompt and sample; those of no sample under `all`. Checks that `[DONE]` comes once, at the end. */
function eventsByIndex(stream: string, body: Body): Record<string, unknown[]> {
  const events = stream.split('\n\n')
  assert.equal(events.pop(), '')
  assert.equal(events.pop(), 'data: [DONE]')
  const byIndex: Record<string, unknown[]> = {}
  for (const event of events) {
    assert.ok(event.startsWith('data: '), event)
    const data: unknown = JSON.parse(event.slice('data: '.length))
    const key = indexOf(data)
    byIndex[key] ??= []
    byIndex[key].push(plain(data, body))
  }
  return byIndex
}

function indexOf(data: unknown): string {
  if (!isRecord(data)) return 'all'
  const choices: unknown[] | undefined = Array.isArray(data['choices']) ? data['choices'] : undefined
  const holder = choices === undefined ? data : choices[0]
  const index = isRecord(holder) ? holder['index'] : undefined
  return typeof index === 'number' ? `index ${index}` : 'all'
}

const VARYING = new Set(['id', 'created', 'e2e_latency', 'response_sent_to_client_ts'])

/** A copy without the fields that differ between any two responses. Ids chosen by the client stay. */
function plain(value: unknown, body: Body): unknown {
  if (Array.isArray(value)) return value.map(item => plain(item, body))
  if (!isRecord(value)) return value
  const kept = Object.entries(value).filter(([key]) => !VARYING.has(key) || (key === 'id' && 'rid' in body))
  return Object.fromEntries(kept.map(([key, inner]) => [key, plain(inner, body)]))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
