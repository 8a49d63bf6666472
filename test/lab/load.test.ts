/** The lab's load finds every wrong answer: run against the simulator, whose engines are what they are elsewhere real. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { suite, type TestContext, test } from 'node:test'
import { send } from '../../lab/client/request.ts'
import { Checks, runParts } from '../../lab/report/part.ts'
import { isAllRight, markdownOf, resultRows } from '../../lab/report/result-table.ts'
import { CASES } from '../../lab/sglang/cases/all-cases.ts'
import { CheckedLoad } from '../../lab/sglang/load/checked-load.ts'
import { outputOf } from '../../lab/sglang/load/output-text.ts'
import { questions } from '../../lab/sglang/load/questions.ts'
import { listen } from '../support/listen.ts'
import { until } from '../support/until.ts'

const OK = { 'content-type': 'application/json' }
const STREAM = { 'content-type': 'text/event-stream' }
const [QUESTION] = questions(4)

/** A server that answers with each of the bodies in turn. */
async function serve(
  t: TestContext,
  answers: readonly { readonly type: Record<string, string>; readonly body: string }[],
): Promise<string> {
  let count = 0
  const server = createServer((request, response) => {
    request.resume()
    const answer = answers[count++ % answers.length]
    response.writeHead(200, { ...answer?.type, 'x-pdgw-engines': 'http://p, http://d' }).end(answer?.body)
  })
  t.after(() => server.close())
  return `http://127.0.0.1:${await listen(server)}`
}

suite('a checked load', () => {
  test('distinguishes right answers, broken streams and wrong answers', async t => {
    const url = await serve(t, [
      { type: OK, body: '{"text":"right"}' },
      { type: STREAM, body: 'data: {"text":"ri","meta_info":{}}\n\ndata: {"error":{"code":500}}\n\n' },
      { type: OK, body: '{"text":"other"}' },
      { type: STREAM, body: 'data: {"text":"xx","meta_info":{}}\n\ndata: {"error":{"code":500}}\n\n' },
    ])
    assert.ok(QUESTION !== undefined)
    const target = { url, signal: new AbortController().signal }
    const load = new CheckedLoad(target, [{ question: QUESTION, text: 'right' }], 1)
    await until(() => load.ended >= 8)
    const { right, broken, wrong, engines } = await load.stop()
    const rounds = engines.get('http://p') ?? 0
    assert.equal(right + broken + wrong.length, rounds)
    assert.ok(Math.abs(wrong.length - rounds / 2) <= 1)
    assert.ok(Math.abs(broken - rounds / 4) <= 1)
    assert.match(wrong[0] ?? '', /"\{\\"text\\":\\"other\\"\}", expected "right"/)
  })

  test('asks for many different prompts on every endpoint', () => {
    const all = questions(4)
    assert.equal(new Set(all.map(({ body }) => JSON.stringify(body))).size, all.length)
    assert.equal(new Set(all.map(({ path }) => path)).size, 3)
  })
})

suite('the output of an answer', () => {
  const answer = { status: 200, end: 'complete', seconds: 0 }

  test('is the last text of a stream of /generate, which holds all before it', () => {
    const body = 'data: {"text":"a","meta_info":{}}\n\ndata: {"text":"ab","meta_info":{}}\n\ndata: [DONE]\n\n'
    const output = outputOf({ ...answer, headers: STREAM, body })
    assert.deepEqual(output, { text: 'ab', isWhole: true, hasError: false })
  })

  test('is all texts of a stream of OpenAI, which is whole only with its [DONE]', () => {
    const body = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"text":"b"}]}\n\n'
    const output = outputOf({ ...answer, headers: STREAM, body })
    assert.deepEqual(output, { text: 'ab', isWhole: false, hasError: false })
  })
})

suite('a request of a lab', () => {
  test('reports a refused connection and a cut answer as its end', async t => {
    const refused = await send({ url: 'http://127.0.0.1:1/', body: {} })
    assert.deepEqual([refused.status, refused.end], [0, 'ECONNREFUSED'])
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half')
      setImmediate(() => response.destroy())
    })
    t.after(() => server.close())
    const cut = await send({ url: `http://127.0.0.1:${await listen(server)}/`, body: {} })
    assert.equal(cut.status, 200)
    assert.notEqual(cut.end, 'complete')
  })
})

test('the conformance list has at least 150 kinds of request, each with a name of its own', () => {
  assert.ok(CASES.length >= 150)
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length)
})

suite('the parts of a lab', () => {
  const signal = new AbortController().signal

  test('count their checks, and one that throws is wrong without keeping others from running', async () => {
    const parts = [
      { name: 'first', run: async (checks: Checks) => checks.add('a check', undefined) },
      { name: 'second', run: () => Promise.reject(new Error('no engine')) },
      { name: 'third', run: async (checks: Checks) => checks.add('a check', 'it is 2 instead of 1') },
    ]
    const results = await runParts(parts, signal, () => undefined)
    assert.deepEqual(
      results.map(({ part, cases, wrong }) => [part, cases, ...wrong]),
      [
        ['first', 1],
        ['second', 1, 'the part: ended early: no engine'],
        ['third', 1, 'a check: it is 2 instead of 1'],
      ],
    )
    assert.equal(isAllRight({ versions: {}, results }, ['first', 'second', 'third']), false)
  })

  test('are all right only if each that was asked for has run and checked something', () => {
    const results = [{ part: 'a', cases: 2, wrong: [], seconds: 1 }]
    assert.equal(isAllRight({ versions: {}, results }, ['a']), true)
    assert.equal(isAllRight({ versions: {}, results }, ['a', 'b']), false)
    assert.equal(
      isAllRight({ versions: {}, results: [{ ...results[0], part: 'a', cases: 0, wrong: [], seconds: 1 }] }, [
        'a',
      ]),
      false,
    )
  })

  test('are a table with a sum, as text and as Markdown', () => {
    const results = [
      { part: 'a', cases: 3, wrong: ['x'], seconds: 1.4 },
      { part: 'b', cases: 2, wrong: [], seconds: 2.4 },
    ]
    assert.deepEqual(resultRows(results).at(-1), ['total', '5', '4', '1', '4'])
    assert.equal(
      markdownOf({ versions: { sglang: '0.5.23' }, results }, 'Today'),
      'Today: sglang 0.5.23.\n\n| part | cases | right | wrong | seconds |\n| --- | ---: | ---: | ---: | ---: |\n' +
        '| a | 3 | 2 | 1 | 1 |\n| b | 2 | 2 | 0 | 2 |\n| total | 5 | 4 | 1 | 4 |',
    )
  })
})
