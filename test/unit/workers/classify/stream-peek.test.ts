import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StreamPeek } from '../../../../workers/classify/stream-peek.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'

const ROLE = 'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
const TOKEN = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n'
const STOP = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
const ABORT = 'data: {"choices":[{"delta":{},"finish_reason":"abort"}]}\n\n'
const ERROR = 'data: {"error": {"object": "error", "message": "why", "code": 503}}\n\n'
const DONE = 'data: [DONE]\n\n'

function peekInto(...blocks: readonly string[]): StreamPeek {
  const peek = new StreamPeek(DONE_DIALECT)
  for (const block of blocks) peek.push(Buffer.from(block))
  return peek
}

function event(count: number): string {
  return `data: {"text":"a","meta_info":{"prompt_tokens":${count}}}\n\n`
}

/** An abort as the finish of `/generate`. */
function aborted(status: number | null): string {
  return `data: {"meta_info":{"finish_reason":{"type":"abort","status_code":${status}}}}\n\n`
}

function isPlainAbort(...blocks: readonly string[]): boolean {
  return peekInto(...blocks).isPlainAbort
}

function outcome(peek: StreamPeek): string {
  if (!peek.isSettled) return 'open'
  return peek.failure === undefined ? 'good' : `failed: ${peek.failure.cause}`
}

suite('StreamPeek', () => {
  const cases: readonly [what: string, blocks: readonly string[], expected: string][] = [
    ['stays open over a role', [ROLE], 'open'],
    ['stays open over comments', [': ping\n\n', 'event: e\n\n'], 'open'],
    ['stays open over a [DONE] without a token', [ROLE, DONE], 'open'],
    ['is settled by a token', [ROLE, TOKEN], 'good'],
    ['is settled by a finish', [ROLE, STOP], 'good'],
    ['is settled by a failure after a role', [ROLE, ABORT], 'failed: abort'],
    ['is settled by an error as the first event', [ERROR], 'failed: error-event'],
    ['is settled by data that is not JSON', ['data: <html>\n\n'], 'failed: protocol'],
    ['ignores a failure after a token in the same block', [TOKEN + ABORT], 'good'],
    ['ignores a failure after a token in the next block', [TOKEN, ABORT], 'good'],
    ['finds a failure after a role in the same block', [ROLE + ERROR + DONE], 'failed: error-event'],
  ]
  for (const [what, blocks, expected] of cases)
    test(what, () => assert.equal(outcome(peekInto(...blocks)), expected))

  test('keeps the status and the message of a failure', () => {
    const { failure } = peekInto(ERROR)
    assert.deepEqual(
      [failure?.error.status, failure?.error.message, failure?.error.leg],
      [503, 'why', 'decode'],
    )
  })

  test('has the prompt tokens of the first good event, or of one before it', () => {
    assert.equal(peekInto(event(7), event(8)).summary.promptTokens, 7)
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":7}}\n\n'
    assert.equal(peekInto(usage, TOKEN).summary.promptTokens, 7)
  })

  test('knows an abort without a status from one that is a failure of the engine', () => {
    assert.deepEqual([isPlainAbort(ROLE, ABORT), isPlainAbort(aborted(null))], [true, true])
    assert.deepEqual(
      [isPlainAbort(aborted(503)), isPlainAbort(ERROR), isPlainAbort(TOKEN)],
      [false, false, false],
    )
  })

  test('has what was cached, as the first good event or one before it says', () => {
    const usage = '"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}'
    const counts = { promptTokens: 7, cachedTokens: 4 }
    assert.deepEqual(peekInto(`data: {"choices":[],${usage}}\n\n`, event(7)).summary.cached, counts)
    const native = 'data: {"text":"a","meta_info":{"prompt_tokens":7,"cached_tokens":4}}\n\n'
    assert.deepEqual(peekInto(native).summary.cached, counts)
  })

  test('has no prompt tokens when the first good event belongs to a later prompt of a batch', () => {
    const later = 'data: {"index":1,"text":"a","meta_info":{"prompt_tokens":7}}\n\n'
    assert.equal(peekInto(later).summary.promptTokens, undefined)
  })
})
