import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { AttemptHandler, ResponseHead } from '../../../../workers/attempt/plan.ts'
import { noTokenFailure } from '../../../../workers/classify/observed-failure.ts'
import { type RequestFields, readFields } from '../../../../workers/request/fields.ts'
import { EditingHandler } from '../../../../workers/response/editing-handler.ts'

const RID = '0123456789abcdef0123456789abcdef'
const ANSWER = `{"meta_info":{"id":"${RID}","input_token_logprobs":[]}}`
const PREFILL = '{"meta_info":{"input_token_logprobs":[[1]]}}'

function fieldsOf(body: object): RequestFields {
  return readFields('generate', Buffer.from(JSON.stringify({ text: 'a', ...body })))
}

function headOf(prefillBody?: string): ResponseHead {
  const merged = prefillBody === undefined ? undefined : Buffer.from(prefillBody)
  return { status: 200, headers: [], prefillBody: merged, rids: [RID] }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

/** Writes down what the client would get. */
function recorder(): { readonly sink: AttemptHandler; readonly heard: string[] } {
  const heard: string[] = []
  const sink: AttemptHandler = {
    onResponse: (_, body) => heard.push(`answered ${text(body)}`),
    onHead: () => heard.push('started'),
    onData: bytes => heard.push(`bytes ${text(bytes)}`),
    onEnd: () => heard.push('ended'),
    onError: failure => heard.push(`failed ${failure.cause}`),
    onStreamError: failure => heard.push(`broke ${failure.cause}`),
  }
  return { sink, heard }
}

suite('EditedSink', () => {
  test('is needed for a rid of the client and for logprobs of the prompt only', () => {
    assert.equal(EditingHandler.isNeededFor(fieldsOf({})), false)
    assert.equal(EditingHandler.isNeededFor(fieldsOf({ rid: 'mine' })), true)
    assert.equal(EditingHandler.isNeededFor(fieldsOf({ return_logprob: true, logprob_start_len: 0 })), true)
  })

  test('edits a body by all editors', () => {
    const { sink, heard } = recorder()
    new EditingHandler(fieldsOf({ rid: 'mine' }), sink).onResponse(headOf(PREFILL), Buffer.from(ANSWER))
    assert.deepEqual(heard, ['answered {"meta_info":{"id":"mine","input_token_logprobs":[[1]]}}'])
  })

  test('edits a stream by all editors', () => {
    const { sink, heard } = recorder()
    const edited = new EditingHandler(fieldsOf({ rid: 'mine' }), sink)
    edited.onHead(headOf(`data: ${PREFILL}\n\n`))
    edited.onData(Buffer.from(`data: ${ANSWER}\n\n`))
    edited.onEnd()
    assert.deepEqual(heard, [
      'started',
      'bytes data: {"meta_info":{"id":"mine","input_token_logprobs":[[1]]}}\n\n',
      'ended',
    ])
  })

  test('uses the rid of the attempt that succeeded', () => {
    const { sink, heard } = recorder()
    const edited = new EditingHandler(fieldsOf({ rid: 'mine' }), sink)
    const rids = ['ffffffffffffffffffffffffffffffff']
    edited.onResponse({ ...headOf(), rids }, Buffer.from(`{"id":"${rids[0]}"}`))
    assert.deepEqual(heard, ['answered {"id":"mine"}'])
  })

  test('leaves the rids of several samples as they are', () => {
    const { sink, heard } = recorder()
    const fields = fieldsOf({ rid: 'mine', sampling_params: { n: 2 } })
    new EditingHandler(fields, sink).onResponse(headOf(), Buffer.from(ANSWER))
    assert.deepEqual(heard, [`answered ${ANSWER}`])
  })

  test('passes failures on', () => {
    const { sink, heard } = recorder()
    const edited = new EditingHandler(fieldsOf({ rid: 'mine' }), sink)
    edited.onError(noTokenFailure())
    edited.onStreamError(noTokenFailure())
    assert.deepEqual(heard, ['failed no-token', 'broke no-token'])
  })
})
