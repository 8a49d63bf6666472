import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { AttemptHandler, ResponseHead } from '../../../../workers/attempt/plan.ts'
import { noTokenFailure } from '../../../../workers/classify/observed-failure.ts'
import { type RequestFields, readFields } from '../../../../workers/request/fields.ts'
import { EditingHandler } from '../../../../workers/response/editing-handler.ts'

const RID = '0123456789abcdef0123456789abcdef'
const RESPONSE = `{"meta_info":{"id":"${RID}","input_token_logprobs":[]}}`
const PREFILL = '{"meta_info":{"input_token_logprobs":[[1]]}}'

function fieldsOf(body: object): RequestFields {
  return readFields('generate', Buffer.from(JSON.stringify({ text: 'a', ...body })))
}

function headOf(prefillBody?: string): ResponseHead {
  const merged = prefillBody === undefined ? undefined : Buffer.from(prefillBody)
  return { status: 200, headers: [], prefillBody: merged, rid: RID }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

/** A handler that records what the client would receive. */
function recorder(): { readonly next: AttemptHandler; readonly received: string[] } {
  const received: string[] = []
  const next: AttemptHandler = {
    onResponse: (_, body) => received.push(`response ${text(body)}`),
    onHead: () => received.push('head'),
    onData: bytes => received.push(`data ${text(bytes)}`),
    onEnd: () => received.push('end'),
    onError: failure => received.push(`error ${failure.cause}`),
    onReportedError: failure => received.push(`reported ${failure.cause}`),
    onStreamError: failure => received.push(`stream error ${failure.cause}`),
  }
  return { next, received }
}

suite('EditingHandler', () => {
  test('is needed only for a rid of the client or logprobs of the prompt', () => {
    assert.equal(EditingHandler.isNeededFor(fieldsOf({})), false)
    assert.equal(EditingHandler.isNeededFor(fieldsOf({ rid: 'mine' })), true)
    assert.equal(EditingHandler.isNeededFor(fieldsOf({ return_logprob: true, logprob_start_len: 0 })), true)
  })

  test('applies all editors to a body', () => {
    const { next, received } = recorder()
    new EditingHandler(fieldsOf({ rid: 'mine' }), next).onResponse(headOf(PREFILL), Buffer.from(RESPONSE))
    assert.deepEqual(received, ['response {"meta_info":{"id":"mine","input_token_logprobs":[[1]]}}'])
  })

  test('applies all editors to a stream', () => {
    const { next, received } = recorder()
    const edited = new EditingHandler(fieldsOf({ rid: 'mine' }), next)
    edited.onHead(headOf(`data: ${PREFILL}\n\n`))
    edited.onData(Buffer.from(`data: ${RESPONSE}\n\n`))
    edited.onEnd()
    assert.deepEqual(received, [
      'head',
      'data data: {"meta_info":{"id":"mine","input_token_logprobs":[[1]]}}\n\n',
      'end',
    ])
  })

  test('uses the rid of the attempt that succeeded', () => {
    const { next, received } = recorder()
    const edited = new EditingHandler(fieldsOf({ rid: 'mine' }), next)
    const rid = 'f'.repeat(32)
    edited.onResponse({ ...headOf(), rid }, Buffer.from(`{"id":"${rid}"}`))
    assert.deepEqual(received, ['response {"id":"mine"}'])
  })

  test('leaves the rids of several samples unchanged', () => {
    const { next, received } = recorder()
    const fields = fieldsOf({ rid: 'mine', sampling_params: { n: 2 } })
    new EditingHandler(fields, next).onResponse(headOf(), Buffer.from(RESPONSE))
    assert.deepEqual(received, [`response ${RESPONSE}`])
  })

  test('passes on failures', () => {
    const { next, received } = recorder()
    const edited = new EditingHandler(fieldsOf({ rid: 'mine' }), next)
    edited.onError(noTokenFailure())
    edited.onReportedError(noTokenFailure())
    edited.onStreamError(noTokenFailure())
    assert.deepEqual(received, ['error no-token', 'reported no-token', 'stream error no-token'])
  })
})
