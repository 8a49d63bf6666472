/** What is read of a request for the policies, and nothing else. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../../src/config/config.ts'
import type { PromptView } from '../../../../src/policy/policy.ts'
import { requestReading } from '../../../../workers/policy/request-reading.ts'
import { requestViewOf } from '../../../../workers/policy/request-view.ts'
import { routingKey } from '../../../../workers/policy/routing-key.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import { type RequestFields, readFields } from '../../../../workers/request/fields.ts'

const HEADERS = ['x-smg-routing-key', 'x-session-id']

function readingOf(policy: ConfigInput['policy'], mode: 'pd' | 'mixed' = 'pd') {
  return requestReading(configSchema.parse({ engines: { mode }, policy }))
}

function fieldsOf(policy: ConfigInput['policy'], body: object, mode?: 'pd' | 'mixed'): RequestFields {
  const { fieldOptions } = readingOf(policy, mode)
  return readFields('chat', Buffer.from(JSON.stringify({ messages: [], ...body })), fieldOptions)
}

function keyIn(body: object, policy: ConfigInput['policy'] = {}): string | undefined {
  return fieldsOf({ main: 'consistent_hashing', ...policy }, body).routingKey
}

suite('reading a request for the policies', () => {
  test('finds its prompt and its key only if a policy of a needed role goes by them', () => {
    for (const [policy, mode, prompt, key] of [
      [{ main: 'random' }, 'pd', false, false],
      [{ main: 'least_load' }, 'pd', true, false],
      [{ main: 'random', decode: 'power_of_two' }, 'pd', true, false],
      [{ main: 'cache_aware' }, 'pd', true, false],
      [{ main: 'prefix_hash', decode: 'manual' }, 'pd', true, true],
      [{ main: 'round_robin', prefill: 'bucket' }, 'pd', true, false],
      [{ main: 'round_robin', prefill: 'bucket' }, 'mixed', false, false],
      [{ main: 'consistent_hashing' }, 'mixed', false, true],
      [{ main: 'round_robin', sticky: true }, 'mixed', false, true],
      [{ main: 'cache_aware', sticky: true }, 'pd', true, true],
    ] as const) {
      const fields = fieldsOf(policy, { user: 'u' }, mode)
      assert.deepEqual([fields.prompt !== undefined, fields.routingKey !== undefined], [prompt, key])
      assert.equal(readingOf(policy, mode).keyHeaders !== undefined, key)
    }
  })

  test('takes the first member that has a text or a number', () => {
    const all = { metadata: { user_id: 'm' }, user: 'u', prompt_cache_key: 'p' }
    assert.equal(keyIn(all), 'p')
    assert.equal(keyIn({ ...all, prompt_cache_key: '' }), 'u')
    assert.equal(keyIn({ ...all, prompt_cache_key: null, user: true }), 'm')
    assert.equal(keyIn({ session_params: { id: 's\u00e9' }, user: 'u' }), 's\u00e9')
    assert.equal(keyIn({ user: 17 }), '17')
    assert.equal(keyIn({}), undefined)
  })

  test('takes the members that the operator names, however deep they are', () => {
    const policy = { keyFields: ['a.b.c', 'd'] }
    assert.equal(keyIn({ a: { x: 1, b: { c: 'deep' } }, d: 'flat' }, policy), 'deep')
    assert.equal(keyIn({ a: { b: ['c'] }, d: 'flat' }, policy), 'flat')
    assert.equal(keyIn({ a: 'b', user: 'u' }, policy), undefined)
  })

  test('takes no member that is too long, and does not refuse a request for one with many members', () => {
    const long = 'k'.repeat(1025)
    assert.equal(keyIn({ prompt_cache_key: long, user: long.slice(1) }), long.slice(1))
    const metadata = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`m${index}`, 1]))
    assert.equal(keyIn({ metadata: { ...metadata, user_id: 'm' } }), undefined)
  })
})

suite('the routing key', () => {
  test('is that of the first header that is not empty, or else that of the body', () => {
    const headers = ['x-session-id', 's', 'x-smg-routing-key', 'k']
    const alone = (key: string): number | undefined => routingKey([], HEADERS, key)
    assert.equal(routingKey(headers, HEADERS, 'b'), alone('k'))
    assert.equal(routingKey(['x-smg-routing-key', '', 'x-session-id', 's'], HEADERS, 'b'), alone('s'))
    assert.equal(routingKey(['x-other', 'o'], HEADERS, 'b'), alone('b'))
    assert.equal(routingKey(['x-other', 'o'], HEADERS, undefined), undefined)
    assert.equal(new Set(['k', 's', 'b', 'bb', 'B'].map(alone)).size, 5)
  })
})

suite('the view of a request', () => {
  const noCaches = { viewOf: (): PromptView | undefined => assert.fail('a policy that reads no caches') }

  test('is none if no policy reads anything of it', () => {
    const options = { promptCaches: noCaches, prefixBytes: 64 }
    assert.equal(requestViewOf({ prompt: undefined, key: undefined }, options), undefined)
  })

  test('works out what is read, and only that', () => {
    const body = Buffer.from('0123456789'.repeat(100))
    const prompt = new HashedPrompt(body, { seeds: [], parts: [{ start: 10, end: 510 }] })
    const view = requestViewOf({ prompt, key: 5 }, { promptCaches: noCaches, prefixBytes: 64 })
    assert.deepEqual([view?.key, view?.promptBytes], [5, 500])
    assert.equal(view?.prefixKey, prompt.prefixKey(64))
    assert.equal(view?.shortKey, undefined)
    const short = new HashedPrompt(body, { seeds: [], parts: [{ start: 10, end: 60 }] })
    const shortView = requestViewOf(
      { prompt: short, key: undefined },
      { promptCaches: noCaches, prefixBytes: 64 },
    )
    assert.ok(shortView?.shortKey !== undefined)
    assert.equal(shortView.shortKey, short.shortKey)
    const without = requestViewOf({ prompt: undefined, key: 5 }, { promptCaches: noCaches, prefixBytes: 64 })
    assert.deepEqual(
      [without?.prompt, without?.prefixKey, without?.promptBytes],
      [undefined, undefined, undefined],
    )
  })
})
