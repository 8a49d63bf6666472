/**
 * What the gateway is for: while KV transfers fail and streams start with errors, every client gets its tokens, and the
 * engines receive few additional requests.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { scriptFor, type WrittenScript } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const REQUESTS = 2000
const CONCURRENT = 100
const TOKENS = 12
const MAX_AMPLIFICATION = 1.15

test('no request is lost because of failing transfers and streams', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'pd-gateway-test-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { prefill: 2, decode: 2, knobs: { pBase: 0.05, errorInStreamProb: 0.02 } },
    config: { retry: { maxRetries: 5 }, log: { level: 'warn', dir, burstLines: 1_000_000 } },
  })
  let next = 0
  const client = async (): Promise<void> => {
    while (next < REQUESTS) {
      await checkOne(origin, next++)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, client))

  const attempts = (): number => fleet.decode.reduce((sum, engine) => sum + engine.counters.received, 0)
  const failed = [...fleet.prefill, ...fleet.decode].reduce((sum, engine) => sum + engine.counters.failed, 0)
  const retries = readFileSync(join(dir, 'pd-gateway.log'), 'utf8')
    .split('\n')
    .filter(line => line.includes(': retry '))
  // An attempt whose prefill fails at once may end before its decode leg is sent, or before decode has received it.
  const metrics = (await (await fetch(`${adminOrigin}/metrics`)).text()).split('\n')
  const unsent = fleet.decode
    .map(({ url }) => metrics.find(line => line.startsWith(`pdgw_engine_unsent_legs_total{engine="${url}"`)))
    .reduce((sum, line) => sum + Number(line?.split(' ').at(-1)), 0)
  const sent = REQUESTS + retries.length - unsent
  await until(() => attempts() >= sent, 'decode has received all legs that were sent')
  t.diagnostic(`${attempts()} attempts for ${REQUESTS} requests, ${failed} failures, ${unsent} legs not sent`)
  assert.equal(attempts(), sent)
  assert.ok(sent > REQUESTS && failed > 0, 'nothing has failed: the test shows nothing')
  assert.ok(sent <= REQUESTS * MAX_AMPLIFICATION, `${sent} attempts`)
  await until(() => runningOn(fleet) === 0)
  for (const line of retries) assert.match(line, / cause=[\w-]+ leg=\w+ .* prefill=\S+ .*decode=\S+ /)
})

type Api = 'generate' | 'completions' | 'chat'

const APIS: readonly Api[] = ['generate', 'completions', 'chat']

async function checkOne(origin: string, number: number): Promise<void> {
  const api = APIS[number % APIS.length] ?? 'chat'
  const stream = number % 2 === 0
  const prompt = `Request ${number} ${number % 5 === 0 ? '<stop:6>' : ''}`
  const [path, body] = requestOf(api, prompt)
  const headers = { 'content-type': 'application/json' }
  const payload = JSON.stringify({ ...body, stream })
  const response = await fetch(`${origin}${path}`, { method: 'POST', headers, body: payload })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  const script = scriptFor(prompt, 0, TOKENS)
  if (stream) checkEvents(api, text, script)
  else checkWhole(api, JSON.parse(text), script)
}

function requestOf(api: Api, prompt: string): [path: string, body: object] {
  switch (api) {
    case 'generate':
      return ['/generate', { text: prompt, sampling_params: { max_new_tokens: TOKENS } }]
    case 'completions':
      return ['/v1/completions', { model: 'sim', prompt, max_tokens: TOKENS }]
    case 'chat':
      return [
        '/v1/chat/completions',
        { model: 'sim', max_tokens: TOKENS, messages: [{ role: 'user', content: prompt }] },
      ]
  }
}

function checkWhole(api: Api, body: unknown, script: WrittenScript): void {
  const text = script.pieces.join('')
  const where: readonly (string | number)[] =
    api === 'generate'
      ? ['text']
      : api === 'chat'
        ? ['choices', 0, 'message', 'content']
        : ['choices', 0, 'text']
  assert.equal(at(body, where), text)
  if (api === 'generate') assert.deepEqual(at(body, ['output_ids']), script.tokenIds)
  else assert.equal(at(body, ['choices', 0, 'finish_reason']), script.finish)
}

function checkEvents(api: Api, stream: string, script: WrittenScript): void {
  const events = stream.split('\n\n').filter(event => event !== '')
  assert.equal(events.pop(), 'data: [DONE]')
  const bodies = events.map((event): unknown => JSON.parse(event.slice('data: '.length)))
  if (api === 'generate') {
    // Events of /generate are cumulative: each is one token longer than the one before.
    const lengths = bodies.map(body => at(body, ['meta_info', 'completion_tokens']))
    assert.deepEqual(
      lengths,
      script.tokenIds.map((_, index) => index + 1),
    )
    return checkWhole(api, bodies.at(-1), script)
  }
  const where = api === 'chat' ? ['choices', 0, 'delta', 'content'] : ['choices', 0, 'text']
  const pieces = bodies
    .map(body => at(body, where))
    .filter(piece => typeof piece === 'string' && piece !== '')
  assert.deepEqual(
    pieces,
    script.pieces.filter(piece => piece !== ''),
  )
  const finishes = bodies.map(body => at(body, ['choices', 0, 'finish_reason'])).filter(Boolean)
  assert.deepEqual(finishes, [script.finish])
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner instanceof Object ? Reflect.get(inner, key) : undefined),
    value,
  )
}
