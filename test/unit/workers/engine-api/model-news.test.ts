import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ModelNews } from '../../../../workers/engine-api/model-news.ts'
import { engineOf } from '../../../support/engines.ts'

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let nowMs = 10_000
  t.mock.method(performance, 'now', () => nowMs)
  let refreshes = 0
  const news = new ModelNews({ roles: ['prefill', 'decode'], refresh: () => refreshes++ })
  const publish = (...models: readonly (readonly string[])[]): void =>
    news.update({
      generation: 1,
      engines: models.map((names, slot) =>
        engineOf({ slot, role: slot === 0 ? 'prefill' : 'decode', models: names }),
      ),
    })
  const pass = (ms: number): void => {
    nowMs += ms
    t.mock.timers.tick(ms)
  }
  return { news, publish, pass, refreshes: () => refreshes }
}

test('known names are not asked for', async t => {
  const { news, publish, refreshes } = setUp(t)
  publish(['a', 'b'], ['b', 'a'])
  await news.learn(['a', 'b'])
  assert.equal(refreshes(), 0)
})

test('a new name is waited for until an engine of each role knows it', async t => {
  const { news, publish, refreshes } = setUp(t)
  publish(['a'], ['a'])
  let isKnown = false
  const learning = news.learn(['a', 'lora']).finally(() => {
    isKnown = true
  })
  assert.equal(refreshes(), 1)
  publish(['a', 'lora'], ['a'])
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(isKnown, false)
  publish(['a', 'lora'], ['a', 'lora'])
  await learning
})

test('a name that stays unknown is waited for a second, and asked for once a second', async t => {
  const { news, publish, pass, refreshes } = setUp(t)
  publish(['a'], ['a'])
  const learning = news.learn(['lora'])
  await news.learn(['lora'])
  pass(1000)
  await learning
  assert.equal(refreshes(), 1)
  const again = news.learn(['lora'])
  assert.equal(refreshes(), 2)
  pass(1000)
  await again
})
