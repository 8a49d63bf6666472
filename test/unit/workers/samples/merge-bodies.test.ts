import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { mergeBodies } from '../../../../workers/samples/merge-bodies.ts'
import { mergeUsage } from '../../../../workers/samples/usage.ts'

function merged(endpoint: GenerationEndpoint, ...bodies: readonly string[]): string {
  return mergeBodies(
    endpoint,
    bodies.map(body => Buffer.from(body)),
  ).toString()
}

function chatBody(text: string, made: number): string {
  return `{"id":"${text}","choices":[{"index":0,"message":{"content":"${text}"}}],"usage":{"prompt_tokens":7,"total_tokens":${7 + made},"completion_tokens":${made}}}`
}

function batchBody(sample: string): string {
  return `{"choices":[{"index":0,"text":"p${sample}"},{"index":1,"text":"q${sample}"}]}`
}

function usageText(made: number, reasoning: number): string {
  return `{"prompt_tokens":7,"completion_tokens":${made},"total_tokens":${7 + made},"reasoning_tokens":${reasoning},"prompt_tokens_details":{"cached_tokens":4}}`
}

suite('mergeBodies of chat and completions', () => {
  test('joins and numbers the choices and adds up the output tokens', () => {
    assert.deepEqual(JSON.parse(merged('chat', chatBody('a', 2), chatBody('b', 3), chatBody('c', 4))), {
      id: 'a',
      choices: ['a', 'b', 'c'].map((content, index) => ({ index, message: { content } })),
      usage: { prompt_tokens: 7, total_tokens: 16, completion_tokens: 9 },
    })
  })

  test('puts all samples of a prompt before those of the next', () => {
    assert.equal(
      merged('completions', batchBody('1'), batchBody('2')),
      '{"choices":[{"index":0,"text":"p1"},{"index":1,"text":"p2"},{"index":2,"text":"q1"},{"index":3,"text":"q2"}]}',
    )
  })

  test('changes only choices and usage', () => {
    const first = '{ "id" : "é\\u00e9", "created":1.0e3 ,"choices":[ {"a": 1,"index":0 } ], "usage":null }\n'
    assert.equal(
      merged('chat', first, '{"choices":[{"index":0,"b":"x y"}]}'),
      '{ "id" : "é\\u00e9", "created":1.0e3 ,"choices":[{"a": 1,"index":0 },{"index":1,"b":"x y"}], "usage":null }\n',
    )
  })

  test('does not mistake a nested index for that of the choice', () => {
    const body = '{"choices":[{"message":{"tool_calls":[{"index":0}]},"index":0}]}'
    assert.equal(
      merged('chat', body, body),
      '{"choices":[{"message":{"tool_calls":[{"index":0}]},"index":0},{"message":{"tool_calls":[{"index":0}]},"index":1}]}',
    )
  })

  test('throws if there is no body, which is a bug', () => {
    assert.throws(() => merged('chat'), RangeError)
  })
})

suite('mergeBodies of /generate', () => {
  test('makes a list of the single responses without changing their bytes', () => {
    assert.equal(
      merged('generate', '{"text": "é",  "n":1.0}', '{"text":"b"}'),
      '[{"text": "é",  "n":1.0},{"text":"b"}]',
    )
  })

  test('puts all samples of a prompt of a batch before those of the next', () => {
    assert.equal(merged('generate', '["p1", "q1"]', '["p2","q2"]'), '["p1","p2","q1","q2"]')
  })
})

suite('mergeUsage', () => {
  test('counts the prompt once and adds up the output of all samples', () => {
    assert.deepEqual(JSON.parse(mergeUsage([usageText(2, 1), usageText(3, 2)])), {
      prompt_tokens: 7,
      completion_tokens: 5,
      total_tokens: 12,
      reasoning_tokens: 3,
      prompt_tokens_details: { cached_tokens: 4 },
    })
  })

  test('adds no reasoning tokens that no engine reported', () => {
    const merge: unknown = JSON.parse(mergeUsage(['{"prompt_tokens":1,"completion_tokens":1}']))
    assert.deepEqual(merge, { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 })
  })

  test('counts a value that is not a number as 0', () => {
    const merge: unknown = JSON.parse(mergeUsage(['{"prompt_tokens":3}', '{"completion_tokens":null}']))
    assert.deepEqual(merge, { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 })
  })
})
