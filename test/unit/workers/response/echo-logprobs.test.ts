import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { EchoLogprobs } from '../../../../workers/response/echo-logprobs.ts'

const DONE = 'data: [DONE]\n\n'

/** Rows of the tokens as `/v1/completions` writes them. */
function logprobsOf(...tokens: readonly string[]): string {
  const list = (element: (token: string) => string): string => `[${tokens.map(element).join(',')}]`
  const top = list(token => `{"${token}":-1}`)
  return `{"text_offset":${list(() => '-1')},"token_logprobs":${list(() => '-1.50')},"tokens":${list(token => `"${token}"`)},"top_logprobs":${top}}`
}

function choiceOf(index: number, logprobs: string): string {
  return `{"index":${index}, "text":"é\\u00e9","logprobs":${logprobs}}`
}

function bodyOf(...choices: readonly string[]): string {
  return `{"id":"r","choices":[${choices.join(',')}]}`
}

function eventOf(index: number, logprobs: string): string {
  return `data: ${bodyOf(choiceOf(index, logprobs))}\n\n`
}

function merged(prefill: string, decode: string): string {
  return new EchoLogprobs(Buffer.from(prefill), false).editBody(Buffer.from(decode)).toString()
}

suite('EchoLogprobs in a body', () => {
  test('inserts the rows of the prompt before those of the output and changes no other byte', () => {
    const prefill = bodyOf(choiceOf(0, logprobsOf('a', 'b', 'T')))
    const decode = bodyOf(choiceOf(0, logprobsOf('T', 'u')))
    assert.equal(merged(prefill, decode), bodyOf(choiceOf(0, logprobsOf('a', 'b', 'T', 'u'))))
  })

  test('inserts the rows of its own prompt into each choice', () => {
    const prefill = bodyOf(choiceOf(1, logprobsOf('c', 'U')), choiceOf(0, logprobsOf('a', 'T')))
    const decode = bodyOf(choiceOf(0, logprobsOf('T')), choiceOf(1, logprobsOf('U')))
    const expected = bodyOf(choiceOf(0, logprobsOf('a', 'T')), choiceOf(1, logprobsOf('c', 'U')))
    assert.equal(merged(prefill, decode), expected)
  })

  test('inserts the rows of the prompt if decode has none', () => {
    const prefill = bodyOf(choiceOf(0, logprobsOf('a', 'b', 'T')))
    assert.equal(
      merged(prefill, bodyOf(choiceOf(0, logprobsOf()))),
      bodyOf(choiceOf(0, logprobsOf('a', 'b'))),
    )
  })

  const UNCHANGED: readonly [what: string, prefill: string, decode: string][] = [
    [
      'without rows of a prompt',
      bodyOf(choiceOf(0, logprobsOf('T'))),
      bodyOf(choiceOf(0, logprobsOf('T', 'u'))),
    ],
    ['without logprobs of prefill', bodyOf(choiceOf(0, 'null')), bodyOf(choiceOf(0, logprobsOf('T')))],
    ['without logprobs of decode', bodyOf(choiceOf(0, logprobsOf('a', 'T'))), bodyOf(choiceOf(0, 'null'))],
    ['without choices', bodyOf(choiceOf(0, logprobsOf('a', 'T'))), '{"object":"error"}'],
  ]
  for (const [what, prefill, decode] of UNCHANGED)
    test(`changes nothing ${what}`, () => assert.equal(merged(prefill, decode), decode))
})

suite('EchoLogprobs in a stream', () => {
  const prefill = `${eventOf(0, logprobsOf('a', 'b', 'T'))}${eventOf(0, logprobsOf())}${DONE}`

  test('completes the first event of each prompt only', () => {
    const editor = new EchoLogprobs(Buffer.from(prefill), true)
    const first = editor.editEvents(Buffer.from(eventOf(0, logprobsOf('T')) + eventOf(0, logprobsOf('u'))))
    assert.equal(first.toString(), eventOf(0, logprobsOf('a', 'b', 'T')) + eventOf(0, logprobsOf('u')))
    const second = eventOf(0, logprobsOf('v')) + DONE
    assert.equal(editor.editEvents(Buffer.from(second)).toString(), second)
  })

  test('joins the rows of all events of prefill', () => {
    const parts = `${eventOf(0, logprobsOf('a'))}${eventOf(0, logprobsOf('b', 'T'))}${DONE}`
    const editor = new EchoLogprobs(Buffer.from(parts), true)
    const edited = editor.editEvents(Buffer.from(eventOf(0, logprobsOf('T'))))
    assert.equal(edited.toString(), eventOf(0, logprobsOf('a', 'b', 'T')))
  })

  test('passes on data that is not JSON unchanged', () => {
    const editor = new EchoLogprobs(Buffer.from(prefill), true)
    const block = ': a comment\n\ndata: {"choices":[{\n\n'
    assert.equal(editor.editEvents(Buffer.from(block)).toString(), block)
  })
})
