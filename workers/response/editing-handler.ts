/** Stands between an attempt and its sink and passes everything through the editors that the request needs. */
import type { AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import type { RequestFields } from '../request/fields.ts'
import { ClientRid } from './client-rid.ts'
import { EchoLogprobs } from './echo-logprobs.ts'
import type { ResponseEditor } from './editor.ts'
import { InputLogprobs } from './input-logprobs.ts'

export class EditingHandler implements AttemptHandler {
  readonly #fields: RequestFields
  readonly #sink: AttemptHandler
  #editors: readonly ResponseEditor[] = []

  constructor(fields: RequestFields, sink: AttemptHandler) {
    this.#fields = fields
    this.#sink = sink
  }

  /** Whether the answer to such a request is passed on as it comes. */
  static isNeededFor(fields: RequestFields): boolean {
    return fields.clientRid !== undefined || fields.prefillLogprobs !== undefined
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    const edited = this.#editorsFor(head, false).reduce((bytes, editor) => editor.editBody(bytes), body)
    this.#sink.onResponse(head, edited)
  }

  onHead(head: ResponseHead): void {
    this.#editors = this.#editorsFor(head, true)
    this.#sink.onHead(head)
  }

  onData(bytes: Uint8Array): void {
    this.#sink.onData(this.#editors.reduce((block, editor) => editor.editEvents(block), bytes))
  }

  onEnd(): void {
    this.#sink.onEnd()
  }

  onError(failure: Failure): void {
    this.#sink.onError(failure)
  }

  onStreamError(failure: Failure): void {
    this.#sink.onStreamError(failure)
  }

  #editorsFor({ prefillBody, rids }: ResponseHead, isEventStream: boolean): ResponseEditor[] {
    const { clientRid, batchSize, n, prefillLogprobs } = this.#fields
    const editors: ResponseEditor[] = []
    if (prefillBody !== undefined) {
      const Logprobs = prefillLogprobs === 'echo' ? EchoLogprobs : InputLogprobs
      editors.push(new Logprobs(prefillBody, isEventStream))
    }
    // With several samples engines make up rids of their own, whatever the client sent.
    if (clientRid !== undefined && n === 1)
      editors.push(new ClientRid(rids, clientRid, batchSize !== undefined))
    return editors
  }
}
