import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { scanObject } from '../../../../workers/json/scan.ts'
import { promptBytes } from '../../../../workers/request/prompt-bytes.ts'

function textsOf(endpoint: GenerationEndpoint, body: object): { seeds: string[]; parts: string[] } {
  const bytes = Buffer.from(JSON.stringify(body))
  const { seeds, parts } = promptBytes(endpoint, scanObject(bytes, 0).members)
  const textOf = ({ start, end }: { start: number; end: number }): string =>
    bytes.toString('utf8', start, end)
  return { seeds: seeds.map(textOf), parts: parts.map(textOf) }
}

suite('the bytes of a prompt', () => {
  test('are the tools and then the messages of a chat, in whatever order the client sends them', () => {
    const expected = { seeds: ['"m'], parts: ['[{"type":"function"}', '[{"role":"user"}'] }
    const [tools, messages] = [[{ type: 'function' }], [{ role: 'user' }]]
    assert.deepEqual(textsOf('chat', { model: 'm', messages, tools, stream: true }), expected)
    assert.deepEqual(textsOf('chat', { tools, stream: true, messages, model: 'm' }), expected)
    assert.deepEqual(textsOf('chat', { messages, tools: null }).parts, ['[{"role":"user"}'])
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
