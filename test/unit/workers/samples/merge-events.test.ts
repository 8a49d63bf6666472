import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { PartStreams } from '../../../../workers/samples/merge-events.ts'

const DONE = 'data: [DONE]\n\n'

type Read = readonly [part: number, block: string]

/** Two samples of each prompt. */
function streamsOf(endpoint: GenerationEndpoint): PartStreams {
  return new PartStreams({ endpoint, n: 2, keepsIds: false })
}

function edited(streams: PartStreams, ...reads: readonly Read[]): string {
  return reads.map(([part, block]) => streams.edit(Buffer.from(block), part).toString()).join('')
}

function chunk(id: string, index: number, text: string): string {
  return `data: {"id":"${id}","choices":[{"index":${index},"delta":{"content":"${text}"}}]}\n\n`
}

function usage(id: string, made: number): string {
  return `data: {"id":"${id}","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":${made},"total_tokens":${7 + made}}}\n\n`
}

function toolEvent(index: number): string {
  return `data: {"choices":[{"delta":{"tool_calls":[{"index":0}]},"index":${index}}]}\n\n`
}

function generateEvent(text: string, more = ''): string {
  return `data: {"text":"${text}","meta_info":{"id":"r"}${more}}\n\n`
}

suite('PartStreams of chat and completions', () => {
  test('give every event the sample as its index and the id of the first event', () => {
    const streams = streamsOf('chat')
    assert.equal(
      edited(streams, [1, chunk('b', 0, 'x')], [0, chunk('a', 0, 'y')], [1, chunk('b', 0, 'z')]),
      chunk('b', 1, 'x') + chunk('b', 0, 'y') + chunk('b', 1, 'z'),
    )
  })

  test('keep the ids of prompts that the client has named', () => {
    const streams = new PartStreams({ endpoint: 'completions', n: 1, keepsIds: true })
    assert.equal(
      edited(streams, [1, chunk('b', 0, 'x')], [0, chunk('a', 0, 'y')]),
      chunk('b', 1, 'x') + chunk('a', 0, 'y'),
    )
  })

  test('count each prompt once in the usage, in whatever order the parts end', () => {
    const streams = streamsOf('completions')
    assert.equal(
      edited(streams, [3, usage('d', 5)], [1, usage('b', 3)], [2, usage('c', 4)], [0, usage('a', 2)]),
      '',
    )
    const expected = { prompt_tokens: 14, completion_tokens: 14, total_tokens: 28 }
    assert.equal(
      streams.end().toString(),
      `data: {"id":"a","choices":[],"usage":${JSON.stringify(expected)}}\n\n${DONE}`,
    )
  })

  test('count each prompt whose first sample was aborted before there was a token', () => {
    for (const [reads, promptTokens, made] of [
      [[[1, usage('b', 3)]], 7, 3],
      [
        [
          [3, usage('d', 5)],
          [1, usage('b', 3)],
          [2, usage('c', 4)],
        ],
        14,
        12,
      ],
    ] as const) {
      const streams = streamsOf('completions')
      edited(streams, ...reads)
      const expected = {
        prompt_tokens: promptTokens,
        completion_tokens: made,
        total_tokens: promptTokens + made,
      }
      assert.ok(streams.end().toString().includes(JSON.stringify(expected)))
    }
  })

  test('keep the name of an error', () => {
    const event = 'event: error\ndata: {"message":"why","choices":[]}\n\n'
    assert.equal(edited(streamsOf('chat'), [1, event]), event)
  })

  test('end an aborted prompt in the form of the events before', () => {
    const streams = streamsOf('completions')
    assert.equal(streams.aborted(1, 'r', 'm'), undefined)
    edited(streams, [0, chunk('a', 0, 'x')])
    assert.equal(
      streams.aborted(1, 'r', 'm')?.toString(),
      'data: {"id":"a","choices":[{"index":1,"text":"","logprobs":null,"finish_reason":"abort","matched_stop":null}]}\n\n',
    )
  })

  test('end with one [DONE], whatever each sample sends', () => {
    const streams = streamsOf('chat')
    assert.equal(edited(streams, [0, DONE], [1, chunk('b', 0, 'x') + DONE]), chunk('b', 1, 'x'))
    assert.equal(streams.end().toString(), DONE)
  })

  test('send the usage of all samples as the last event', () => {
    const streams = streamsOf('chat')
    const seen = edited(streams, [1, chunk('b', 0, 'x')], [0, usage('a', 2)], [1, usage('b', 3)])
    assert.equal(seen, chunk('b', 1, 'x'))
    assert.equal(streams.end().toString(), usage('b', 5) + DONE)
  })

  test('leave usage in events with choices unchanged', () => {
    const streams = streamsOf('chat')
    const event = 'data: {"choices":[{"index":0,"delta":{}}],"usage":{"completion_tokens":1}}\n\n'
    assert.equal(edited(streams, [0, event]), event)
    assert.equal(streams.end().toString(), DONE)
  })

  test('pass on chunks without choices and usage', () => {
    const event = 'data: {"choices":[],"sglext":{"a":1}}\n\n'
    assert.equal(edited(streamsOf('chat'), [0, event]), event)
  })

  test('do not mistake a nested index for that of the choice', () => {
    assert.equal(edited(streamsOf('chat'), [1, toolEvent(0)]), toolEvent(1))
  })
})

suite('PartStreams of /generate', () => {
  test('set the sample as the index of each event', () => {
    const streams = streamsOf('generate')
    assert.equal(
      edited(streams, [1, generateEvent('a')], [0, generateEvent('b')]),
      generateEvent('a', ',"index":1') + generateEvent('b', ',"index":0'),
    )
    assert.equal(streams.end().toString(), DONE)
  })

  test('end an aborted prompt with an abort of its own', () => {
    const event = streamsOf('generate').aborted(3, 'r', 'm')?.toString() ?? ''
    assert.match(
      event,
      /^data: \{"text":"","output_ids":\[\],"meta_info":\{"id":"r","finish_reason":\{"type":"abort","message":"m",/,
    )
    assert.match(event, /"index":3\}\n\n$/)
  })
})

suite('PartStreams', () => {
  test('change no byte of events without a sample', () => {
    for (const endpoint of ['chat', 'generate'] as const) {
      for (const block of [
        ': ping\n\n',
        'data: <html>\n\n',
        'data: {"a" 1}\n\n',
        'data: 7\n\n',
        'event: e\r\n\r\n',
      ])
        assert.equal(edited(streamsOf(endpoint), [0, block]), block)
    }
  })

  test('change no byte other than index and id', () => {
    const event =
      'data: { "id":"a" ,"t":1.50e1,"choices":[ {"delta":{"content":"é\\u00e9"}, "index": 0} ] }\n\n'
    assert.equal(edited(streamsOf('chat'), [0, event]), event)
  })

  test('keep the events of one sample in order, however its stream is split', () => {
    const events = ['a', 'b', 'c', 'd'].map(text => chunk('a', 0, text))
    const whole = edited(streamsOf('chat'), [0, events.join('')])
    const single = edited(streamsOf('chat'), ...events.map<Read>(event => [0, event]))
    assert.equal(whole, single)
    assert.equal(whole, events.join(''))
  })
})
