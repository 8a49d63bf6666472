import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineCaches } from '../../../../src/shared/engine-caches.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import type { PrefillTask } from '../../../../workers/selection/prefill-task.ts'
import { PromptWork } from '../../../../workers/selection/prompt-work.ts'
import { engineOf } from '../../../support/engines.ts'

const ENGINE = engineOf({ slot: 1 })
const PROMPT = new HashedPrompt(Buffer.alloc(100), { seeds: [], parts: [{ start: 10, end: 90 }] })

/** `counted`: what the caches know of the prompt. */
function setUp(counted?: PrefillTask, decodeCaches = false) {
  const caches = new EngineCaches(createSharedMemory(2, 1))
  const seen = {
    noted: new Array<number>(),
    received: new Array<number>(),
    get work() {
      return [caches.work(0), caches.work(1)]
    },
  }
  const prompts = new PromptWork({
    promptCaches: {
      viewOf: () => undefined,
      start: () => counted,
      noteReceived: (_, slot) => void seen.received.push(slot),
    },
    decodeCaches,
    caches,
    lengths: { note: bytes => void seen.noted.push(bytes) },
    thread: 0,
    nowMs: () => 1000,
  })
  return { prompts, seen }
}

test('a prompt counts as work of its engine until it has been computed, and only once', () => {
  const { prompts, seen } = setUp()
  const task = prompts.start(PROMPT, ENGINE)
  assert.equal(task?.predictedShare, undefined)
  assert.deepEqual(seen, { work: [0, 80], noted: [80], received: [] })
  task?.end()
  task?.end()
  assert.deepEqual(seen.work, [0, 0])
  prompts.start(PROMPT, ENGINE)?.drop()
  assert.deepEqual(seen.work, [0, 0])
})

test('a prompt is held by the decode engine until the end', () => {
  const { prompts, seen } = setUp()
  const end = prompts.hold(PROMPT, ENGINE)
  assert.deepEqual(seen, { work: [0, 80], noted: [], received: [] })
  end?.()
  end?.()
  assert.deepEqual(seen.work, [0, 0])
})

test('what a decode engine receives is noted only if decode engines are chosen by what they hold', () => {
  const { prompts, seen } = setUp(undefined, true)
  prompts.hold(PROMPT, ENGINE)
  assert.deepEqual(seen, { work: [0, 80], noted: [], received: [1] })
})

test('a prompt that the caches count is left to them, and its length is noted', () => {
  const counted = {
    predictedShare: 0.5,
    end: () => undefined,
    drop: () => undefined,
    report: () => undefined,
  }
  const { prompts, seen } = setUp(counted)
  assert.equal(prompts.start(PROMPT, ENGINE), counted)
  assert.deepEqual(seen, { work: [0, 0], noted: [80], received: [] })
})

test('a request without a prompt counts for nothing', () => {
  const { prompts, seen } = setUp()
  assert.equal(prompts.start(undefined, ENGINE), undefined)
  assert.equal(prompts.hold(undefined, ENGINE), undefined)
  assert.equal(prompts.start(new HashedPrompt(Buffer.alloc(9), { seeds: [], parts: [] }), ENGINE), undefined)
  assert.deepEqual(seen, { work: [0, 0], noted: [], received: [] })
})

test('no cached tokens in usage says something only of an engine that has named some', () => {
  const { prompts } = setUp()
  const other = engineOf({ slot: 0 })
  assert.equal(prompts.noteCached(0, 'generate', ENGINE), true)
  assert.equal(prompts.noteCached(9, 'generate', ENGINE), true)
  assert.equal(prompts.noteCached(0, 'responses', ENGINE), false)
  assert.equal(prompts.noteCached(9, 'responses', ENGINE), true)
  assert.equal(prompts.noteCached(0, 'responses', ENGINE), true)
  assert.equal(prompts.noteCached(0, 'chat', ENGINE), true)
  assert.equal(prompts.noteCached(0, 'responses', other), false)
})
