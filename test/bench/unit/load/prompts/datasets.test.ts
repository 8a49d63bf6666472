import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { clientBehavior, dueTimes } from '../../../../../bench/load/arrivals/share.ts'
import { type Dataset, type PlanInput, planSchema } from '../../../../../bench/load/plan/plan.ts'
import { promptsOf } from '../../../../../bench/load/prompts/datasets.ts'
import { promptText, requestBody } from '../../../../../bench/load/prompts/prompt.ts'

const RANDOM: Dataset = { kind: 'random', inputTokens: 100, outputTokens: 50, rangeRatio: 0.2 }

function planOf(change: Partial<PlanInput> = {}) {
  return planSchema.parse({
    url: 'http://127.0.0.1:1',
    requests: 10,
    arrivals: { kind: 'closed', concurrency: 1 },
    dataset: RANDOM,
    ...change,
  })
}

function fileOf(t: TestContext, lines: readonly unknown[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-dataset-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'lines.jsonl')
  writeFileSync(path, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return path
}

test('a prompt is determined by the seed and its number', () => {
  const [one, again, other] = [promptsOf(RANDOM, 1), promptsOf(RANDOM, 1), promptsOf(RANDOM, 2)]
  assert.deepEqual(one.promptAt(5), again.promptAt(5))
  assert.notDeepEqual(one.promptAt(5), one.promptAt(6))
  assert.notDeepEqual(one.promptAt(5), other.promptAt(5))
})

test('random lengths cover their whole range and nothing else', () => {
  const prompts = promptsOf(RANDOM, 1)
  const lengths = Array.from({ length: 500 }, (_, index) => prompts.promptAt(index).maxTokens)
  assert.deepEqual([Math.min(...lengths), Math.max(...lengths)], [10, 50])
  const words = promptText(prompts.promptAt(3)).trim().split(' ').length
  assert.ok(words >= 20 && words <= 100)
})

test('prompts of a group share their prefix', () => {
  const dataset: Dataset = {
    kind: 'shared-prefix',
    groups: 4,
    systemTokens: 20,
    questionTokens: 5,
    outputTokens: 3,
  }
  const { promptAt } = promptsOf(dataset, 1)
  assert.deepEqual(promptAt(1).messages[0], promptAt(5).messages[0])
  assert.notDeepEqual(promptAt(1).messages[0], promptAt(2).messages[0])
  assert.notDeepEqual(promptAt(1).messages[1], promptAt(5).messages[1])
})

test('a turn contains all earlier turns', () => {
  const dataset: Dataset = { kind: 'multi-turn', conversations: 3, turns: 3, turnTokens: 4, outputTokens: 3 }
  const { promptAt } = promptsOf(dataset, 1)
  assert.deepEqual(promptAt(1 + 3).messages.slice(0, 1), promptAt(1).messages)
  assert.deepEqual(
    promptAt(1 + 6).messages.map(({ role }) => role),
    ['user', 'assistant', 'user', 'assistant', 'user'],
  )
})

test('lines of a file are used in order, and again from the start', t => {
  const path = fileOf(t, [{ prompt: 'a', output_len: 3 }, { messages: [{ role: 'user', content: 'b' }] }, ''])
  const { promptAt } = promptsOf({ kind: 'jsonl', path, outputTokens: 9 }, 1)
  assert.deepEqual(
    [0, 1, 2].map(index => [promptText(promptAt(index)), promptAt(index).maxTokens]),
    [
      ['a', 3],
      ['b', 9],
      ['a', 3],
    ],
  )
})

for (const [line, message] of [
  ['{nope', /lines\.jsonl:2: not JSON$/],
  ['{}', /lines\.jsonl:2: needs prompt, text or messages$/],
  ['{"prompt":1}', /lines\.jsonl:2: prompt: [^\n]*expected string/],
] as const) {
  test(`the error for an invalid line names it: ${line}`, t => {
    const path = fileOf(t, [{ prompt: 'a' }, line])
    assert.throws(() => promptsOf({ kind: 'jsonl', path, outputTokens: 9 }, 1), message)
  })
}

test('a byte order mark is ignored, and the error for a missing file names it', t => {
  const path = fileOf(t, ['\uFEFF{"prompt":"a"}'])
  assert.equal(promptText(promptsOf({ kind: 'jsonl', path, outputTokens: 9 }, 1).promptAt(0)), 'a')
  const missing = { kind: 'jsonl', path: `${path}.gone`, outputTokens: 9 } as const
  assert.throws(() => promptsOf(missing, 1), /Cannot read .*lines\.jsonl\.gone: ENOENT$/)
})

test('a prompt that would take minutes to build is rejected', t => {
  const path = fileOf(t, ['{"timestamp":0,"input_length":1000000000000,"output_length":1}'])
  assert.throws(
    () => promptsOf({ kind: 'mooncake', path, useTimestamps: false, slowdown: 1 }, 1),
    /:1: input_length/,
  )
})

test('a trace provides lengths, shared blocks and optionally times', t => {
  const path = fileOf(t, [
    { timestamp: 500, input_length: 600, output_length: 7, hash_ids: [1, 2] },
    { timestamp: 1500, input_length: 520, output_length: 8, hash_ids: [1, 3] },
  ])
  const dataset: Dataset = { kind: 'mooncake', path, useTimestamps: true, slowdown: 2 }
  const prompts = promptsOf(dataset, 1)
  const [first, second] = [promptText(prompts.promptAt(0)), promptText(prompts.promptAt(1))]
  assert.equal(first.slice(0, 2000), second.slice(0, 2000))
  assert.notEqual(first, second)
  assert.deepEqual([prompts.promptAt(0).maxTokens, prompts.promptAt(1).maxTokens], [7, 8])
  assert.deepEqual([...(dueTimes(planOf({ dataset, requests: 3 }), prompts) ?? [])], [0, 2000, 2000])
})

test('each endpoint gets its parameters where engines read them', () => {
  const prompt = promptsOf(RANDOM, 1).promptAt(0)
  const bodyOf = (change: Partial<PlanInput>): unknown => JSON.parse(requestBody(planOf(change), prompt, 0))
  const shared = { ignore_eos: true, temperature: 0 }
  const { maxTokens } = prompt
  const text = promptText(prompt)
  assert.deepEqual(bodyOf({ endpoint: 'generate', isStream: true }), {
    text,
    sampling_params: { max_new_tokens: maxTokens, ...shared },
    stream: true,
  })
  const openAi = { model: 'sim', max_tokens: maxTokens, ...shared }
  assert.deepEqual(bodyOf({}), { ...openAi, messages: prompt.messages, stream: false })
  assert.deepEqual(bodyOf({ endpoint: 'completions', isStream: true, extraBody: { top_k: 1 } }), {
    ...openAi,
    prompt: text,
    stream: true,
    stream_options: { include_usage: true },
    top_k: 1,
  })
})

test('clients that leave and slow clients are determined by the seed, in the requested shares', () => {
  const plan = planOf({ leaveShare: 0.2, leaveWithinMs: 100, slowShare: 0.1 })
  const fates = Array.from({ length: 5000 }, (_, index) => clientBehavior(plan, index))
  const moments = fates.flatMap(({ leaveAfterMs }) => leaveAfterMs ?? [])
  assert.ok(Math.abs(moments.length / 5000 - 0.2) < 0.02)
  assert.ok(Math.max(...moments) > 95 && Math.min(...moments) < 5)
  assert.ok(Math.abs(fates.filter(({ isSlow }) => isSlow).length / 5000 - 0.1) < 0.02)
  assert.deepEqual(fates[17], clientBehavior(plan, 17))
})
