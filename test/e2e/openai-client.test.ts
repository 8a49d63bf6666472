/** The official OpenAI client against the gateway with a pair of engines. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import OpenAI, { NotFoundError } from 'openai'
import { chatPromptText, scriptFor } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const { origin, fleet } = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })
const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'any', maxRetries: 0 })

const MESSAGES: OpenAI.ChatCompletionMessageParam[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: [{ type: 'text', text: 'Wie heißt 東京 auf Deutsch? 🚀' }] },
]
const SCRIPT = scriptFor(chatPromptText(MESSAGES), 0, 40)

test('the client lists the models', async () => {
  const models = await client.models.list()
  assert.deepEqual(
    models.data.map(({ id }) => id),
    ['sim'],
  )
})

test('the client retrieves a model by its name, and gets an error for an unknown one', async () => {
  assert.equal((await client.models.retrieve('sim')).id, 'sim')
  const error: unknown = await client.models.retrieve('org/other').catch((reason: unknown) => reason)
  assert.ok(error instanceof NotFoundError)
  assert.match(error.message, /"org\/other"/)
})

test('the client gets a chat completion, token for token', async () => {
  const response = await client.chat.completions.create({ model: 'sim', messages: MESSAGES, max_tokens: 40 })
  assert.equal(response.choices[0]?.message.content, SCRIPT.pieces.join(''))
  assert.equal(response.choices[0]?.finish_reason, 'length')
  assert.equal(response.usage?.completion_tokens, 40)
  await until(() => runningOn(fleet) === 0)
})

test('the client gets a completion, token for token', async () => {
  const response = await client.completions.create({ model: 'sim', prompt: 'Once <stop:7>', max_tokens: 20 })
  assert.equal(response.choices[0]?.text, scriptFor('Once <stop:7>', 0, 20).pieces.join(''))
  assert.equal(response.choices[0]?.finish_reason, 'stop')
})

test('the client streams a chat, token for token', async () => {
  const stream = await client.chat.completions.create({
    model: 'sim',
    messages: MESSAGES,
    max_tokens: 40,
    stream: true,
  })
  const pieces: string[] = []
  const finishes: string[] = []
  for await (const { choices, usage } of stream) {
    assert.equal(usage ?? undefined, undefined)
    const [choice] = choices
    if (choice?.delta.content) pieces.push(choice.delta.content)
    if (choice?.finish_reason) finishes.push(choice.finish_reason)
  }
  assert.deepEqual(
    pieces,
    SCRIPT.pieces.filter(piece => piece !== ''),
  )
  assert.deepEqual(finishes, ['length'])
})

test('the client streams with usage at the end', async () => {
  const stream = await client.chat.completions.create({
    model: 'sim',
    messages: MESSAGES,
    max_tokens: 40,
    stream: true,
    stream_options: { include_usage: true },
  })
  const usages: OpenAI.CompletionUsage[] = []
  let text = ''
  for await (const { choices, usage } of stream) {
    text += choices[0]?.delta.content ?? ''
    if (usage) usages.push(usage)
  }
  assert.equal(text, SCRIPT.pieces.join(''))
  assert.equal(usages.length, 1)
  assert.equal(usages[0]?.completion_tokens, 40)
  assert.equal(usages[0].total_tokens, usages[0].prompt_tokens + 40)
})

test('a stream that the client aborts leaves nothing running', async () => {
  const [decode] = fleet.decode
  assert.ok(decode)
  const stream = await client.chat.completions.create({
    model: 'sim',
    messages: MESSAGES,
    max_tokens: 100_000,
    stream: true,
  })
  let seen = 0
  for await (const { choices } of stream) {
    if (choices[0]?.delta.content) seen++
    if (seen === 3) stream.controller.abort()
  }
  await until(() => runningOn(fleet) === 0)
  // By the gateway's abort or by the closed socket. Both are counted if they arrive before the sequence has ended.
  assert.ok(decode.counters.aborted + decode.counters.abortedByDisconnect > 0)
})
