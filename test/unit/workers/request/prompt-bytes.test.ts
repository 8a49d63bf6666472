import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { scanObject } from '../../../../workers/json/scan.ts'
import { promptBytes, promptInBatch, type RequestPrompt } from '../../../../workers/request/prompt-bytes.ts'
import { readPrompts } from '../../../../workers/request/prompts.ts'

interface Texts {
  readonly seeds: string[]
  readonly parts: string[]
}

function textsIn(bytes: Buffer, { seeds, parts }: RequestPrompt): Texts {
  const textOf = ({ start, end }: { start: number; end: number }): string =>
    bytes.toString('utf8', start, end)
  return { seeds: seeds.map(textOf), parts: parts.map(textOf) }
}

function textsOf(endpoint: GenerationEndpoint, body: object): Texts {
  const bytes = Buffer.from(JSON.stringify(body))
  return textsIn(bytes, promptBytes(endpoint, bytes, scanObject(bytes, 0).members))
}

function separates(endpoint: GenerationEndpoint, body: object): boolean | undefined {
  const bytes = Buffer.from(JSON.stringify(body))
  return promptBytes(endpoint, bytes, scanObject(bytes, 0).members).dependsOnMore
}

/** The prompts of a `/generate` request with several. */
function batchOf(body: object): RequestPrompt[] {
  const bytes = Buffer.from(JSON.stringify(body))
  const { members } = scanObject(bytes, 0)
  const { batch } = readPrompts(['text', 'input_ids', 'input_embeds'], bytes, members, 10)
  assert.ok(batch !== undefined)
  const whole = promptBytes('generate', bytes, members)
  return Array.from({ length: batch.size }, (_, prompt) => promptInBatch(whole, batch.lists, prompt))
}

function batchTextsOf(body: object): Texts[] {
  const bytes = Buffer.from(JSON.stringify(body))
  return batchOf(body).map(prompt => textsIn(bytes, prompt))
}

suite('the bytes of a prompt', () => {
  test('are the tools and then the messages of a chat, in whatever order the client sends them', () => {
    const expected = { seeds: ['"m'], parts: ['[{"type":"function"}', '[{"role":"user"}'] }
    const [tools, messages] = [[{ type: 'function' }], [{ role: 'user' }]]
    assert.deepEqual(textsOf('chat', { model: 'm', messages, tools, stream: true }), expected)
    assert.deepEqual(textsOf('chat', { tools, stream: true, messages, model: 'm' }), expected)
    assert.deepEqual(textsOf('chat', { messages, tools: null }).parts, ['[{"role":"user"}'])
  })

  test('are the token ids of a chat that has them, which takes the place of its template', () => {
    const chat = { tools: [{ type: 'function' }], messages: [{ role: 'user' }] }
    assert.deepEqual(textsOf('chat', { ...chat, input_ids: [1, 23] }).parts, ['[1,23'])
    assert.equal(textsOf('chat', { ...chat, input_ids: null }).parts.length, 2)
  })

  for (const [endpoint, system, messages] of [
    ['responses', 'instructions', 'input'],
    ['messages', 'system', 'messages'],
  ] as const)
    test(`are the tools, the ${system} and then the ${messages} of ${endpoint}`, () => {
      const parts = ['[1', '"s', '[2']
      assert.deepEqual(textsOf(endpoint, { [messages]: [2], [system]: 's', tools: [1] }).parts, parts)
      assert.deepEqual(textsOf(endpoint, { tools: [1], [system]: 's', [messages]: [2] }).parts, parts)
      assert.deepEqual(textsOf(endpoint, { [messages]: [2] }).parts, ['[2'])
    })

  test('are the text or the token ids, whichever counts', () => {
    assert.deepEqual(textsOf('generate', { text: 'a b', lora_path: 'l' }), { seeds: ['"l'], parts: ['"a b'] })
    assert.deepEqual(textsOf('generate', { input_ids: [1, 23], text: null }).parts, ['[1,23'])
    assert.deepEqual(textsOf('generate', { input_ids: [1], text: 'a' }).parts, ['"a'])
    assert.deepEqual(textsOf('completions', { prompt: 'once', text: 'no' }).parts, ['"once'])
  })

  test('are none where the request has none', () => {
    assert.deepEqual(textsOf('completions', { text: 'no' }), { seeds: [], parts: [] })
  })
})

suite('what the KV cache depends on besides the prompt', () => {
  for (const [endpoint, key, value] of [
    ['chat', 'model', 'm'],
    ['generate', 'lora_path', 'adapter'],
    ['generate', 'extra_key', 'tenant'],
    ['completions', 'cache_salt', 'salt'],
    ['generate', 'image_data', 'http://images/1'],
    ['generate', 'video_data', ['v']],
    ['generate', 'audio_data', { url: 'a' }],
    ['chat', 'chat_template', '{{ messages }}'],
    ['chat', 'chat_template_kwargs', { thinking: true }],
    ['chat', 'reasoning_effort', 'high'],
    ['responses', 'reasoning', { effort: 'low' }],
    ['chat', 'documents', [{ title: 't' }]],
  ] as const)
    test(`is ${key} of ${endpoint}`, () => {
      assert.deepEqual(textsOf(endpoint, { [key]: value }).seeds, [JSON.stringify(value).slice(0, -1)])
    })

  const named = { type: 'function', function: { name: 'f' } }
  for (const [tool_choice, seeds] of [
    ['none', ['"none']],
    [named, [JSON.stringify(named).slice(0, -1)]],
    ['auto', []],
    ['required', []],
    [null, []],
  ] as const)
    test(`is ${seeds.length > 0 ? '' : 'not '}the choice of tools ${JSON.stringify(tool_choice)} of a chat`, () => {
      assert.deepEqual(textsOf('chat', { tools: [named], tool_choice }).seeds, seeds)
      assert.deepEqual(textsOf('responses', { tools: [named], tool_choice }).seeds, [])
    })

  test('is in the same order for all clients', () => {
    const seeds = ['"salt', '"tenant', '"m']
    const [salt, tenant] = [{ cache_salt: 'salt' }, { extra_key: 'tenant' }]
    assert.deepEqual(textsOf('chat', { model: 'm', ...tenant, ...salt }).seeds, seeds)
    assert.deepEqual(textsOf('chat', { ...salt, model: 'm', ...tenant }).seeds, seeds)
  })

  test('is a number with its last digit', () => {
    assert.deepEqual(textsOf('chat', { reasoning_effort: 12 }).seeds, ['12'])
  })

  test('is nothing where engines take a value as none', () => {
    const none = { cache_salt: '', extra_key: null, image_data: [], chat_template_kwargs: {} }
    assert.deepEqual(textsOf('generate', none).seeds, [])
    assert.equal(separates('generate', none), false)
  })

  test('makes equal tokens differ only if it is a salt, an extra key, an adapter or an image', () => {
    for (const key of ['lora_path', 'extra_key', 'cache_salt', 'image_data', 'video_data', 'audio_data'])
      assert.equal(separates('generate', { input_ids: [1], [key]: 'x' }), true, key)
    for (const key of ['model', 'chat_template', 'reasoning_effort', 'documents'])
      assert.equal(separates('chat', { [key]: 'x' }), false, key)
  })
})

suite('a prompt of several', () => {
  test('is as if it had been sent alone, with its own value of each list', () => {
    const own = [
      { text: 'a', lora_path: 'l', extra_key: 'x', image_data: ['i'], model: 'm' },
      { text: 'b', lora_path: null, extra_key: 'y', image_data: 'j', model: 'm' },
    ]
    const batch = {
      text: ['a', 'b'],
      lora_path: ['l', null],
      extra_key: ['x', 'y'],
      image_data: [['i'], 'j'],
      model: 'm',
    }
    assert.deepEqual(
      batchTextsOf(batch),
      own.map(body => textsOf('generate', body)),
    )
  })

  test('has what applies to all', () => {
    const all = { lora_path: 'l', cache_salt: 's' }
    const seeds = ['"s', '"l']
    assert.deepEqual(batchTextsOf({ input_ids: [[1, 2], [3]], ...all }), [
      { seeds, parts: ['[1,2'] },
      { seeds, parts: ['[3'] },
    ])
  })

  test('is compared with token blocks if nothing of its own separates its cache', () => {
    const batch = { input_ids: [[1], [2]], lora_path: ['l', null] }
    assert.deepEqual(
      batchOf(batch).map(({ dependsOnMore }) => dependsOnMore),
      [true, false],
    )
  })

  test('is unknown if it is given as embeddings', () => {
    assert.deepEqual(batchTextsOf({ input_embeds: [[[1]], [[2]]] }), [
      { seeds: [], parts: [] },
      { seeds: [], parts: [] },
    ])
  })
})
