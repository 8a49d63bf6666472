import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { mergeBodies, type PartBody, readPart } from '../../../../workers/samples/merge-bodies.ts'
import { mergeUsage, type PartUsage } from '../../../../workers/samples/usage.ts'
import { at } from '../../../support/sse.ts'

/** One prompt with a sample per body. */
function merged(endpoint: GenerationEndpoint, ...bodies: readonly string[]): string {
  return mergedOf(endpoint, bodies.length, bodies)
}

/** `n`: samples per prompt. */
function mergedOf(endpoint: GenerationEndpoint, n: number, bodies: readonly string[]): string {
  const parts = bodies.map((body, index) => readPart(endpoint, Buffer.from(body), index))
  return mergeBodies(endpoint, parts, n).toString()
}

function chatBody(text: string, made: number): string {
  return `{"id":"${text}","choices":[{"index":0,"message":{"content":"${text}"}}],"usage":{"prompt_tokens":7,"total_tokens":${7 + made},"completion_tokens":${made}}}`
}

function completionBody(text: string, promptTokens: number): string {
  return `{"id":"${text}","choices":[{"index":0,"text":"${text}"}],"usage":{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + 2},"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}`
}

function samplesOf(...texts: readonly string[]): PartUsage[] {
  return texts.map(text => ({ text, prompt: 0 }))
}

function usageText(made: number, reasoning: number): string {
  return `{"prompt_tokens":7,"completion_tokens":${made},"total_tokens":${7 + made},"reasoning_tokens":${reasoning},"prompt_tokens_details":{"cached_tokens":4}}`
}

function usageOf(prompt: number, tokens: number, cached: number): PartUsage {
  const details = `"prompt_tokens_details":{"cached_tokens":${cached}},"completion_tokens_details":{"reasoning_tokens":1}`
  const text = `{"prompt_tokens":${tokens},"completion_tokens":2,"total_tokens":${tokens + 2},${details}}`
  return { text, prompt }
}

function completionPart(index: number, promptTokens: number): PartBody {
  return readPart('completions', Buffer.from(completionBody('b', promptTokens)), index)
}

/** The counts of a merged body, without their details. */
function usageIn(body: Buffer): unknown {
  const usage = Object(at(JSON.parse(body.toString()), 'usage'))
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => typeof value === 'number'))
}

suite('mergeBodies of chat and completions', () => {
  test('joins and numbers the choices and adds up the output tokens', () => {
    assert.deepEqual(JSON.parse(merged('chat', chatBody('a', 2), chatBody('b', 3), chatBody('c', 4))), {
      id: 'a',
      choices: ['a', 'b', 'c'].map((content, index) => ({ index, message: { content } })),
      usage: { prompt_tokens: 7, total_tokens: 16, completion_tokens: 9 },
    })
  })

  test('numbers all samples of a prompt before those of the next, and counts each prompt once', () => {
    const bodies = [
      completionBody('p1', 3),
      completionBody('p2', 3),
      completionBody('q1', 5),
      completionBody('q2', 5),
    ]
    assert.deepEqual(JSON.parse(mergedOf('completions', 2, bodies)), {
      id: 'p1',
      choices: ['p1', 'p2', 'q1', 'q2'].map((text, index) => ({ index, text })),
      usage: {
        prompt_tokens: 8,
        total_tokens: 16,
        completion_tokens: 8,
        prompt_tokens_details: { cached_tokens: 2 },
      },
    })
  })

  test('has the choice of an aborted prompt in its order, and the rest from the first response', () => {
    const aborted = { kind: 'aborted', item: Buffer.from('{"index":0,"finish_reason":"abort"}') } as const
    const body = readPart('completions', Buffer.from(completionBody('b', 4)), 1)
    assert.deepEqual(JSON.parse(mergeBodies('completions', [aborted, body], 1).toString()), {
      id: 'b',
      choices: [
        { index: 0, finish_reason: 'abort' },
        { index: 1, text: 'b' },
      ],
      usage: {
        prompt_tokens: 4,
        total_tokens: 6,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: 1 },
      },
    })
  })

  test('counts each prompt whose first sample was aborted before there was a token', () => {
    const aborted = { kind: 'aborted', item: Buffer.from('{"index":0}') } as const
    const one = mergeBodies('completions', [aborted, completionPart(1, 4)], 2)
    assert.deepEqual(usageIn(one), { prompt_tokens: 4, total_tokens: 6, completion_tokens: 2 })
    const two = mergeBodies(
      'completions',
      [aborted, completionPart(1, 4), completionPart(2, 5), completionPart(3, 5)],
      2,
    )
    assert.deepEqual(usageIn(two), { prompt_tokens: 9, total_tokens: 15, completion_tokens: 6 })
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
})

suite('mergeUsage', () => {
  test('counts the prompt once and adds up the output of all samples', () => {
    assert.deepEqual(JSON.parse(mergeUsage(samplesOf(usageText(2, 1), usageText(3, 2)))), {
      prompt_tokens: 7,
      completion_tokens: 5,
      total_tokens: 12,
      reasoning_tokens: 3,
      prompt_tokens_details: { cached_tokens: 4 },
    })
  })

  test('adds no reasoning tokens that no engine reported', () => {
    const merge: unknown = JSON.parse(mergeUsage(samplesOf('{"prompt_tokens":1,"completion_tokens":1}')))
    assert.deepEqual(merge, { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 })
  })

  test('counts a value that is not a number as 0', () => {
    const merge: unknown = JSON.parse(
      mergeUsage(samplesOf('{"prompt_tokens":3}', '{"completion_tokens":null}')),
    )
    assert.deepEqual(merge, { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 })
  })

  test('counts a prompt by the first sample that has read it', () => {
    const [unread, read] = [
      '{"prompt_tokens":0,"completion_tokens":0}',
      '{"prompt_tokens":7,"completion_tokens":2}',
    ]
    const merge: unknown = JSON.parse(mergeUsage(samplesOf(unread, read, read)))
    assert.deepEqual(merge, { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 })
  })

  test('adds up the prompts of a batch, their details and those of the output', () => {
    assert.deepEqual(JSON.parse(mergeUsage([usageOf(0, 3, 1), usageOf(1, 5, 2)])), {
      prompt_tokens: 8,
      completion_tokens: 4,
      total_tokens: 12,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    })
  })

  test('takes details from the first prompt that has them', () => {
    const texts = [
      '{"prompt_tokens":1,"prompt_tokens_details":null}',
      '{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}',
    ]
    const merge: unknown = JSON.parse(mergeUsage(texts.map((text, prompt) => ({ text, prompt }))))
    assert.deepEqual(merge, {
      prompt_tokens: 2,
      prompt_tokens_details: { cached_tokens: 2 },
      completion_tokens: 0,
      total_tokens: 2,
    })
  })
})
