import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { routesOf } from '../../../../../bench/load/arrivals/routes.ts'
import { clientBehavior, dueTimes } from '../../../../../bench/load/arrivals/share.ts'
import { type Dataset, type PlanInput, planSchema } from '../../../../../bench/load/plan/plan.ts'
import {
  type ConversationDataset,
  conversationPrompts,
  turnOrder,
} from '../../../../../bench/load/prompts/conversations.ts'
import { promptsOf } from '../../../../../bench/load/prompts/datasets.ts'
import { evenPlacement, type GroupDataset, groupShares } from '../../../../../bench/load/prompts/groups.ts'
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
    popularity: 'in-turn',
    zipfExponent: 1,
  }
  const { promptAt } = promptsOf(dataset, 1)
  assert.deepEqual(promptAt(1).messages[0], promptAt(5).messages[0])
  assert.notDeepEqual(promptAt(1).messages[0], promptAt(2).messages[0])
  assert.notDeepEqual(promptAt(1).messages[1], promptAt(5).messages[1])
})

const GROUPS: GroupDataset = {
  kind: 'shared-prefix',
  groups: 16,
  systemTokens: 3,
  questionTokens: 2,
  outputTokens: 3,
  popularity: 'uniform',
  zipfExponent: 1.2,
}

/** How many of the first requests are of each group. */
function groupCounts(dataset: GroupDataset, requests: number): number[] {
  const { promptAt } = promptsOf(dataset, 1)
  const [groups, counts] = [new Map<string, number>(), Array.from({ length: dataset.groups }, () => 0)]
  for (let index = 0; index < dataset.groups; index++)
    groups.set(
      promptsOf({ ...dataset, popularity: 'in-turn' }, 1).promptAt(index).messages[0]?.content ?? '',
      index,
    )
  for (let index = 0; index < requests; index++) {
    const group = groups.get(promptAt(index).messages[0]?.content ?? '') ?? -1
    counts[group] = (counts[group] ?? 0) + 1
  }
  return counts
}

for (const popularity of ['uniform', 'zipf'] as const) {
  test(`groups are chosen at random with the frequencies of their popularity: ${popularity}`, () => {
    const [dataset, requests] = [{ ...GROUPS, popularity }, 8000]
    const shares = groupShares(dataset)
    for (const [group, count] of groupCounts(dataset, requests).entries()) {
      const mean = requests * (shares[group] ?? 0)
      assert.ok(Math.abs(count - mean) < 4 * Math.sqrt(mean), `${count} of group ${group} instead of ${mean}`)
    }
  })
}

test("Zipf's first group is as many times as popular as the second as the exponent says", () => {
  const [first = 0, second = 0, , fourth = 0] = groupShares({ ...GROUPS, popularity: 'zipf' })
  assert.ok(Math.abs(first / second - 2 ** 1.2) < 1e-9)
  assert.ok(Math.abs(first / fourth - 4 ** 1.2) < 1e-9)
})

test('groups are pinned to engines that get equal shares, and each to one', () => {
  assert.deepEqual(evenPlacement([0.4, 0.3, 0.2, 0.1], 2), [0, 1, 1, 0])
  const prompts = promptsOf(GROUPS, 1)
  const pinOf = prompts.pins?.(4) ?? (() => -1)
  const engines = new Map<string, Set<number>>()
  for (let index = 0; index < 200; index++) {
    const system = prompts.promptAt(index).messages[0]?.content ?? ''
    engines.set(system, (engines.get(system) ?? new Set()).add(pinOf(index)))
  }
  assert.equal(engines.size, 16)
  assert.ok([...engines.values()].every(({ size }) => size === 1))
  assert.deepEqual(
    [0, 1, 2, 3].map(engine => [...engines.values()].filter(pins => pins.has(engine)).length),
    [4, 4, 4, 4],
  )
})

const CONVERSATIONS: ConversationDataset = {
  kind: 'conversations',
  conversations: 10,
  turns: 4,
  systems: 3,
  systemTokens: 6,
  turnTokens: 5,
  outputTokens: 2,
}

test('a conversation grows by whole turns, in order and at its own pace', () => {
  const order = turnOrder(CONVERSATIONS, 7)
  for (let conversation = 0; conversation < 10; conversation++) {
    const found = order.flatMap((turn, position) =>
      turn.conversation === conversation ? [{ ...turn, position }] : [],
    )
    assert.deepEqual(
      found.map(({ turn }) => turn),
      [0, 1, 2, 3],
    )
    for (const [turn, { position }] of found.slice(1).entries())
      assert.ok(position - (found[turn]?.position ?? 0) >= 5, `${position} follows too soon`)
  }
  const { promptAt } = conversationPrompts(CONVERSATIONS, 7)
  const numbers = [...order.keys()].filter(position => order[position]?.conversation === 0)
  const turns = numbers.map(number => promptAt(number).messages)
  assert.deepEqual(
    turns.map(messages => messages.map(({ role }) => role).join(' ')),
    [
      '',
      ' assistant user',
      ' assistant user assistant user',
      ' assistant user assistant user assistant user',
    ].map(rest => `system user${rest}`),
  )
  for (const [turn, messages] of turns.slice(1).entries())
    assert.deepEqual(messages.slice(0, -2), turns[turn])
  const lengths = turns[3]?.map(({ content }) => content.trim().split(' ').length)
  assert.deepEqual(lengths, [6, 5, 2, 5, 2, 5, 2, 5])
})

test('conversations share a few system prompts, and new ones follow when all turns were sent', () => {
  const { promptAt, pins } = conversationPrompts(CONVERSATIONS, 7)
  const prompts = Array.from({ length: 80 }, (_, index) => promptAt(index).messages)
  assert.equal(new Set(prompts.map(messages => messages[0]?.content)).size, 3)
  const firstMessages = (all: typeof prompts) => new Set(all.map(messages => messages[1]?.content))
  assert.equal(firstMessages(prompts.slice(0, 40)).size, 10)
  assert.equal(firstMessages(prompts).size, 20)
  const pinOf = pins?.(2) ?? (() => -1)
  const engines = new Map<string, Set<number>>()
  for (const [index, messages] of prompts.entries()) {
    const key = messages[1]?.content ?? ''
    engines.set(key, (engines.get(key) ?? new Set()).add(pinOf(index)))
  }
  assert.ok([...engines.values()].every(({ size }) => size === 1))
})

test('requests go to all gateways in turn, or straight to the engines that they are pinned to', () => {
  const prompts = promptsOf(GROUPS, 1)
  const [url, other] = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
  const inTurn = routesOf(planOf({ otherUrls: [other] }), prompts)
  assert.deepEqual([0, 1, 2].map(inTurn), [{ url }, { url: other }, { url }])
  const mixed = routesOf(planOf({ pinned: { kind: 'mixed', urls: [url, other] } }), prompts)
  const pinOf = prompts.pins?.(2)
  for (const index of [0, 1, 2, 3]) assert.deepEqual(mixed(index), { url: [url, other][pinOf?.(index) ?? 0] })
  const prefill = [{ url: 'http://127.0.0.1:3', bootstrapPort: 33 }]
  const pairs = routesOf(planOf({ pinned: { kind: 'pairs', prefill, decode: [url, other] } }), prompts)
  const members = { bootstrap_host: '127.0.0.1', bootstrap_port: 33, bootstrap_room: 2 }
  assert.deepEqual(pairs(1), { url: other, prefillUrl: 'http://127.0.0.1:3', members })
  assert.throws(
    () => routesOf(planOf({ pinned: { kind: 'mixed', urls: [url] } }), promptsOf(RANDOM, 1)),
    /no beginnings to pin them by/,
  )
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
