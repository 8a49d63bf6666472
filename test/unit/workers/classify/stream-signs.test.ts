import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findSigns } from '../../../../workers/classify/stream-signs.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
import { MESSAGES_DIALECT } from '../../../../workers/dialects/messages.ts'
import { RESPONSES_DIALECT } from '../../../../workers/dialects/responses.ts'

const TOKEN = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
const ERROR = 'data: {"error":{"message":"why","code":503}}\n\n'

/** `failure`, `done`, both or neither, and how much of the block counts. */
function signsOf(block: string): string {
  const signs = findSigns(Buffer.from(block), DONE_DIALECT)
  if (signs === undefined) return 'none'
  const { failure, isDone, events } = signs
  const kinds = [failure?.error.message, isDone ? 'done' : ''].filter(Boolean).join(', ')
  return `${kinds}: ${Buffer.from(events).toString().slice(-14)}`
}

suite('findSigns', () => {
  for (const done of ['data: [DONE]\n\n', 'data:[DONE]\n\n', 'data: [DONE]\r\n\r\n', 'data: [DONE]\r\r'])
    test(`finds ${JSON.stringify(done)} as the end, and drops what follows it`, () => {
      for (const rest of ['', ERROR, 'data: late\n\n', 'data: [DONE]\n\n'])
        assert.equal(signsOf(TOKEN + done + rest), `done: ${(TOKEN + done).slice(-14)}`)
    })

  for (const [what, block] of [
    ['a comment and other fields around it', 'id: 7\n: x\ndata: [DONE]\nretry: 1\n\n'],
    ['blanks after it', 'data: [DONE] \n\n'],
  ] as const)
    test(`finds the end with ${what}`, () => assert.match(signsOf(block), /^done/))

  for (const block of [
    'data: "data: [DONE]"\n\n',
    'data: 1 data: [DONE]\n\n',
    'data: {"text":"[DONE]"}\n\n',
    'data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n',
    TOKEN,
  ])
    test(`finds no end in ${JSON.stringify(block)}`, () => assert.equal(signsOf(block), 'none'))

  test('finds a failure and the end that follows it', () => {
    assert.match(signsOf(`${TOKEN + ERROR}data: [DONE]\n\n`), /^why, done: /)
  })

  test('finds a failure by the name of its event', () => {
    assert.match(signsOf('event: error\ndata: {"message":"why"}\n\n'), /why/)
    assert.match(signsOf('event:error\r\ndata: out of memory\r\n\r\n'), /out of memory/)
  })

  for (const [what, event] of [
    ['after another event', `${TOKEN}event: error\ndata: out of memory\n\n`],
    ['between two events', `${TOKEN}event:error\ndata: out of memory\n\n${TOKEN}`],
    ['after an id', 'id: 1\nevent: error\ndata: out of memory\n\n'],
    ['after its data', 'data: out of memory\nevent: error\n\n'],
    ['after a comment', ': x\r\nevent: error\r\ndata: out of memory\r\n\r\n'],
    ['with lines that end with CR', `id: 1\revent:error\rdata: out of memory\r\r`],
  ] as const)
    test(`finds a failure by the name of its event ${what}`, () => {
      for (const dialect of [DONE_DIALECT, MESSAGES_DIALECT, RESPONSES_DIALECT]) {
        const failure = findSigns(Buffer.from(event), dialect)?.failure
        assert.deepEqual([failure?.cause, failure?.error.message], ['error-event', 'out of memory'])
      }
    })

  test('hides addresses in a failure that stands after another event', () => {
    const block = `${TOKEN}id: 1\nevent: error\ndata: lost 10.1.2.3:8998\n\n`
    const shown = Buffer.from(findSigns(Buffer.from(block), DONE_DIALECT)?.events ?? []).toString()
    assert.equal(shown, `${TOKEN}event: error\ndata: lost …\n\n`)
  })

  test('does not take the name of a word that begins like an error for one', () => {
    assert.equal(signsOf(`event: errors\n${TOKEN}`), 'none')
  })

  test('hides what is not for clients in errors, and in nothing else of the block', () => {
    const [text, room] = ['Request 73917391 timed out', 'KVTransferError(bootstrap_room=73917391)']
    const token = `data: {"text":"${text}"}\n\n`
    const abort = `data: {"text":"${text}","meta_info":{"finish_reason":{"type":"abort","message":"${room}"}}}\n\n`
    const error = `event: error\ndata: {"error":{"message":"${room}","code":500}}\n\n`
    const plain = `event: error\ndata: ${room}\n\n`
    const block = token + abort + error + plain + token
    const shown = Buffer.from(findSigns(Buffer.from(block), DONE_DIALECT)?.events ?? [])
    assert.equal(shown.toString(), block.replaceAll('room=73917391', 'room=…'))
  })
})

function named(event: object): string {
  return `event: x\ndata: ${JSON.stringify(event)}\n\n`
}

suite('findSigns where a usage is awaited', () => {
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'
  const messageDelta = (fields: object): string =>
    named({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: fields })
  const completed = named({
    type: 'response.completed',
    response: {
      status: 'completed',
      output: [{}],
      error: null,
      usage: { input_tokens: 7, output_tokens: 1 },
    },
  })

  for (const [what, dialect, block, promptTokens] of [
    ['a usage event', DONE_DIALECT, usage, 7],
    ['a usage event after others and before the end', DONE_DIALECT, `${TOKEN}${usage}data: [DONE]\n\n`, 7],
    [
      'a usage in an event with a token',
      DONE_DIALECT,
      TOKEN.replace('}]}', '}],"usage": {"prompt_tokens":7}}'),
      7,
    ],
    ['an empty usage', DONE_DIALECT, TOKEN.replace('}]}', '}],"usage":{}}'), undefined],
    ['no usage', DONE_DIALECT, TOKEN, undefined],
    ['a count of 0, which is none', DONE_DIALECT, usage.replace('7', '0'), undefined],
    ['the end of a response', RESPONSES_DIALECT, completed, 7],
    ['the end of a message', MESSAGES_DIALECT, messageDelta({ input_tokens: 7, output_tokens: 1 }), 7],
    [
      'a message that counts its output only',
      MESSAGES_DIALECT,
      messageDelta({ output_tokens: 1 }),
      undefined,
    ],
    [
      'a message that counts its output and what was cached',
      MESSAGES_DIALECT,
      messageDelta({ output_tokens: 1, cache_read_input_tokens: 4 }),
      undefined,
    ],
  ] as const)
    test(`counts the prompt by ${what}`, () => {
      assert.equal(findSigns(Buffer.from(block), dialect, true)?.promptTokens, promptTokens)
      assert.equal(findSigns(Buffer.from(block), dialect)?.promptTokens, undefined)
    })

  test('leaves the block as it is', () => {
    const block = Buffer.from(TOKEN + usage + TOKEN)
    assert.deepEqual(Buffer.from(findSigns(block, DONE_DIALECT, true)?.events ?? []), block)
  })
})
