import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { readFields } from '../../../../workers/request/fields.ts'
import { abortedOutput } from '../../../../workers/samples/aborted-output.ts'
import { at, parseStream } from '../../../support/sse.ts'

const NOW_MS = 1_796_073_820_500

/** The response to an aborted request with this body. */
function outputFor(endpoint: GenerationEndpoint, body: object) {
  const fields = readFields(endpoint, Buffer.from(JSON.stringify(body)))
  return abortedOutput({ endpoint, fields, label: 'label' }, 'Aborted.', NOW_MS)
}

function textFor(endpoint: GenerationEndpoint, body: object): string {
  return Buffer.from(outputFor(endpoint, body)?.body ?? []).toString()
}

function bodyFor(endpoint: GenerationEndpoint, body: object): unknown {
  return JSON.parse(textFor(endpoint, body))
}

const MESSAGES = [{ role: 'user', content: 'x' }]

suite('the output of an aborted request', () => {
  test('of /generate is an item without tokens, or a list of them', () => {
    const single = bodyFor('generate', { text: 'x', rid: 'mine' })
    assert.deepEqual(single, {
      text: '',
      output_ids: [],
      meta_info: {
        id: 'mine',
        finish_reason: { type: 'abort', message: 'Aborted.', status_code: null, err_type: null },
        prompt_tokens: 0,
        completion_tokens: 0,
        cached_tokens: 0,
        input_token_logprobs: [],
        output_token_logprobs: [],
        output_token_logprobs_length: 0,
      },
    })
    assert.equal(at(bodyFor('generate', { text: 'x' }), 'meta_info', 'id'), 'label')
    const idsOf = (body: object): unknown => {
      const items = bodyFor('generate', body)
      assert.ok(Array.isArray(items))
      return items.map(item => at(item, 'meta_info', 'id'))
    }
    assert.deepEqual(idsOf({ text: ['x', 'y'], rid: ['a', 'b'] }), ['a', 'b'])
    assert.deepEqual(idsOf({ text: ['x'], rid: 'a' }), ['a_0'])
    assert.deepEqual(idsOf({ text: 'x', rid: 'a', sampling_params: { n: 2 } }), ['a', 'a'])
  })

  test('of a stream of /generate is an event for each part', () => {
    assert.deepEqual(outputFor('generate', { text: 'x', stream: true })?.headers, [
      'content-type',
      'text/event-stream; charset=utf-8',
      'cache-control',
      'no-cache',
    ])
    const single = parseStream(textFor('generate', { text: 'x', stream: true }))
    assert.ok(single.hasDone)
    assert.deepEqual(
      single.events.map(event => [at(event, 'index'), at(event, 'meta_info', 'finish_reason', 'type')]),
      [[undefined, 'abort']],
    )
    const many = parseStream(textFor('generate', { text: ['x', 'y'], stream: true }))
    assert.deepEqual(
      many.events.map(event => at(event, 'index')),
      [0, 1],
    )
  })

  test('of a chat is a completion whose choices have no text', () => {
    const chat = { model: 'm "1"', messages: MESSAGES, rid: 'mine', n: 2 }
    assert.deepEqual(bodyFor('chat', chat), {
      id: 'mine',
      object: 'chat.completion',
      created: 1_796_073_820,
      model: 'm "1"',
      choices: [0, 1].map(index => ({
        index,
        message: { role: 'assistant', content: '' },
        logprobs: null,
        finish_reason: 'abort',
        matched_stop: null,
      })),
      usage: { prompt_tokens: 0, total_tokens: 0, completion_tokens: 0, prompt_tokens_details: null },
    })
  })

  test('of a streamed chat is a chunk for each choice, and the usage if the client wants it', () => {
    const chat = { model: 'm', messages: MESSAGES, stream: true }
    const { events, hasDone } = parseStream(textFor('chat', chat))
    assert.ok(hasDone)
    assert.deepEqual(
      events.map(event => [
        at(event, 'object'),
        at(event, 'choices', 0, 'finish_reason'),
        at(event, 'usage'),
      ]),
      [['chat.completion.chunk', 'abort', undefined]],
    )
    assert.equal(at(events[0], 'choices', 0, 'delta', 'role'), 'assistant', 'client libraries want a role')
    const counted = parseStream(textFor('chat', { ...chat, stream_options: { include_usage: true } }))
    assert.deepEqual(
      counted.events.map(event => [at(event, 'choices', 'length'), at(event, 'usage', 'completion_tokens')]),
      [
        [1, undefined],
        [0, 0],
      ],
    )
  })

  test('of a completion has a choice for each prompt', () => {
    const output = bodyFor('completions', { prompt: ['x', 'y'], rid: ['a', 'b'] })
    assert.equal(at(output, 'id'), 'a')
    assert.equal(at(output, 'object'), 'text_completion')
    assert.deepEqual(at(output, 'choices', 1), {
      index: 1,
      text: '',
      logprobs: null,
      finish_reason: 'abort',
      matched_stop: null,
    })
  })

  test('is an error in the APIs that have no such form', () => {
    assert.equal(outputFor('responses', { input: 'x' }), undefined)
    assert.equal(outputFor('messages', { messages: MESSAGES, max_tokens: 1 }), undefined)
  })
})
