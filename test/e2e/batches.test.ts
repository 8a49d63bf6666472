/**
 * Requests with several prompts or samples: each prompt is retried alone, may be aborted alone, and has its own place in
 * the one response.
 */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { expectedText } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { at, parseStream } from '../support/sse.ts'
import { until } from '../support/until.ts'

const REQUESTS = 200
const CONCURRENT = 20
const TOKENS = 8
/** Takes longer than any test. */
const ENDLESS = { max_new_tokens: 100_000 }

const [stressed, calm] = await Promise.all([
  openGateway(
    { after },
    // As the preset `stressed`, with more faults, so that nearly every batch would lose a prompt in some run.
    {
      fleet: { prefill: 2, decode: 2, knobs: { pBase: 0.02, errorInStreamProb: 0.02 } },
      config: { retry: { maxRetries: 5 } },
    },
  ),
  openGateway(
    { after },
    { fleet: { prefill: 1, decode: 1, knobs: { recordBodies: 100, rejectOn: '<refuse>' } } },
  ),
])

async function post(origin: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** The texts of the choices of a completions stream, by index. Each event must have the id of the first. */
function textsOf(stream: string): string[] {
  const { events, hasDone } = parseStream(stream)
  assert.ok(hasDone, stream)
  assert.equal(new Set(events.map(event => at(event, 'id'))).size, 1)
  const texts: string[] = []
  for (const event of events) {
    const [index, text] = [at(event, 'choices', 0, 'index'), at(event, 'choices', 0, 'text')]
    if (typeof index === 'number') texts[index] = (texts[index] ?? '') + String(text)
  }
  return texts
}

async function inParallel(count: number, run: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: CONCURRENT }, client))
}

suite('a batch on engines that fail', () => {
  test('loses no prompt of 200 streamed completions of two prompts', async () => {
    const { origin, fleet } = stressed
    await inParallel(REQUESTS, async number => {
      const prompts = [`first of ${number}`, `second of ${number}`]
      const body = {
        model: 'sim',
        prompt: prompts,
        max_tokens: TOKENS,
        stream: true,
        stream_options: { include_usage: true },
      }
      const response = await post(origin, '/v1/completions', body)
      const stream = await response.text()
      assert.equal(response.status, 200, stream)
      const expected = prompts.map(prompt => expectedText(prompt, 0, TOKENS))
      assert.deepEqual(textsOf(stream), expected)
      const usage = parseStream(stream).events.at(-1)
      assert.equal(at(usage, 'usage', 'completion_tokens'), 2 * TOKENS)
    })
    const failed = [...fleet.prefill, ...fleet.decode].reduce((sum, { counters }) => sum + counters.failed, 0)
    assert.ok(failed > 0, 'nothing has failed: the test shows nothing')
    await until(() => runningOn(fleet) === 0)
  })

  for (const isStream of [false, true]) {
    test(`loses no prompt of /generate, ${isStream ? 'streamed' : 'whole'}`, async () => {
      await inParallel(REQUESTS / 4, async number => {
        const text = ['a', 'b', 'c', 'd'].map(name => `${name} of ${number}`)
        const body = { text, sampling_params: { max_new_tokens: TOKENS }, stream: isStream }
        const response = await post(stressed.origin, '/generate', body)
        const received = await response.text()
        assert.equal(response.status, 200, received)
        const items: unknown[] = isStream ? lastItems(received) : Object.values(Object(JSON.parse(received)))
        assert.deepEqual(
          items.map(item => at(item, 'text')),
          text.map(prompt => expectedText(prompt, 0, TOKENS)),
        )
      })
    })
  }
})

/** The last event of each prompt of `/generate`. */
function lastItems(stream: string): unknown[] {
  const items: unknown[] = []
  for (const event of parseStream(stream).events) items[Number(at(event, 'index'))] = event
  return items
}

test('a prompt that every engine refuses fails the batch, with the reason, and leaves nothing running', async () => {
  const { origin, fleet } = calm
  for (const [path, body] of [
    ['/generate', { text: ['endless', 'x <refuse>'], sampling_params: ENDLESS }],
    ['/v1/completions', { model: 'sim', prompt: ['endless', 'x <refuse>'], max_tokens: 100_000 }],
  ] as const) {
    const response = await post(origin, path, body)
    const error: unknown = await response.json()
    assert.equal(response.status, 400, JSON.stringify(error))
    assert.match(String(at(error, 'error', 'message')), /The prompt holds <refuse>/)
    await until(() => runningOn(fleet) === 0)
  }
})

test('each sample gets the seed of the client plus its number', async () => {
  const { origin, fleet } = calm
  const seeds = async (path: string, body: object, ...key: string[]): Promise<unknown[]> => {
    const first = fleet.decode[0]?.received.length ?? 0
    const response = await post(origin, path, body)
    assert.equal(response.status, 200, await response.text())
    const bodies = fleet.decode[0]?.received
      .slice(first)
      .map((call): unknown => JSON.parse(call.body.toString()))
    return (bodies ?? [])
      .map(sent => at(sent, ...key))
      .toSorted((left, right) => Number(left) - Number(right))
  }
  const messages = [{ role: 'user', content: 'seeded' }]
  assert.deepEqual(
    await seeds('/v1/chat/completions', { messages, max_tokens: 2, n: 3, seed: 41 }, 'seed'),
    [41, 42, 43],
  )
  assert.deepEqual(
    await seeds('/v1/completions', { model: 'sim', prompt: 'x', n: 2, seed: 7 }, 'seed'),
    [7, 8],
  )
  const native = { text: ['x', 'y'], sampling_params: { max_new_tokens: 2, n: 2, sampling_seed: 5 } }
  assert.deepEqual(await seeds('/generate', native, 'sampling_params', 'sampling_seed'), [5, 5, 6, 6])
  assert.deepEqual(
    await seeds('/v1/completions', { model: 'sim', prompt: ['x', 'y'], seed: 9 }, 'seed'),
    [9, 9],
  )
})

function abort(rid: string): Promise<Response> {
  return post(calm.origin, '/abort_request', { rid })
}

suite('aborting one rid of a batch', () => {
  for (const [how, rid, ids] of [
    ['a list of rids', ['left', 'right'], ['left', 'right']],
    ['one rid for all', 'both', ['both_0', 'both_1']],
  ] as const) {
    test(`ends that prompt only: ${how}`, async () => {
      const { origin, fleet } = calm
      const response = await post(origin, '/generate', {
        text: ['a', 'b'],
        rid,
        sampling_params: ENDLESS,
        stream: true,
      })
      let received = ''
      const reading = (async () => {
        const decoder = new TextDecoder()
        for await (const bytes of response.body ?? []) received += decoder.decode(bytes, { stream: true })
      })()
      const lastOf = (index: number): unknown => {
        const whole = received.slice(0, received.lastIndexOf('\n\n') + 2)
        return parseStream(whole).events.findLast(event => at(event, 'index') === index)
      }
      await until(() => lastOf(0) !== undefined && lastOf(1) !== undefined)
      await abort(ids[1])
      await until(() => at(lastOf(1), 'meta_info', 'finish_reason', 'type') === 'abort')
      assert.equal(at(lastOf(1), 'meta_info', 'id'), ids[1])
      const before = Number(at(lastOf(0), 'meta_info', 'completion_tokens'))
      await until(() => Number(at(lastOf(0), 'meta_info', 'completion_tokens')) > before)
      assert.equal(at(lastOf(0), 'meta_info', 'finish_reason'), null)
      await abort(ids[0])
      await reading
      assert.ok(parseStream(received).hasDone)
      await until(() => runningOn(fleet) === 0)
    })
  }

  test('gives what was generated until then in its place of a whole response', async () => {
    const { origin, fleet } = calm
    const tokens = (): number => fleet.decode[0]?.counters.tokens ?? 0
    const before = tokens()
    const pending = post(origin, '/v1/completions', {
      model: 'sim',
      prompt: ['x <stop:3>', 'y'],
      rid: ['short', 'long'],
      max_tokens: 100_000,
    })
    await until(() => tokens() > before + 10)
    await abort('long')
    const completion: unknown = await (await pending).json()
    assert.equal(at(completion, 'choices', 0, 'finish_reason'), 'stop')
    assert.equal(at(completion, 'choices', 1, 'finish_reason'), 'abort')
    assert.equal(at(completion, 'choices', 1, 'index'), 1)
    await until(() => runningOn(fleet) === 0)
  })

  test('ends a prompt that still waits for an engine', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobs: { maxRunning: 1 } },
    })
    const made = (): number => fleet.decode[0]?.counters.tokens ?? 0
    const pending = post(origin, '/generate', { text: ['a', 'b'], rid: ['a', 'b'], sampling_params: ENDLESS })
    await until(() => made() > 2)
    await post(origin, '/abort_request', { rid: 'b' })
    await post(origin, '/abort_request', { rid: 'a' })
    const items: unknown = await (await pending).json()
    for (const [index, rid] of ['a', 'b'].entries()) {
      assert.equal(at(items, index, 'meta_info', 'id'), rid)
      assert.equal(at(items, index, 'meta_info', 'finish_reason', 'type'), 'abort')
    }
    assert.equal(at(items, 1, 'meta_info', 'completion_tokens'), 0)
    assert.equal(fleet.decode[0]?.counters.received, 1, 'the prompt that waited was never sent')
  })
})
