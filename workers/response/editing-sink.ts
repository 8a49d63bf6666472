/** Stands between an attempt and its sink and passes everything through the editors that the request needs. */
import type { AnswerHead, AttemptSink } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import type { RequestFields } from '../request/fields.ts'
import { ClientRid } from './client-rid.ts'
import { EchoLogprobs } from './echo-logprobs.ts'
import type { AnswerEditor } from './editor.ts'
import { InputLogprobs } from './input-logprobs.ts'

export class EditedSink implements AttemptSink {
  readonly #fields: RequestFields
  readonly #sink: AttemptSink
  #editors: readonly AnswerEditor[] = []

  constructor(fields: RequestFields, sink: AttemptSink) {
    this.#fields = fields
    this.#sink = sink
  }

  /** Whether the answer to such a request is passed on as it comes. */
  static isNeededFor(fields: RequestFields): boolean {
    return fields.clientRid !== undefined || fields.prefillLogprobs !== undefined
  }

  answered(head: AnswerHead, body: Uint8Array): void {
    const edited = this.#editorsFor(head, false).reduce((bytes, editor) => editor.editBody(bytes), body)
    this.#sink.answered(head, edited)
  }

  started(head: AnswerHead): void {
    this.#editors = this.#editorsFor(head, true)
    this.#sink.started(head)
  }

  bytes(bytes: Uint8Array): void {
    this.#sink.bytes(this.#editors.reduce((block, editor) => editor.editEvents(block), bytes))
  }

  ended(): void {
    this.#sink.ended()
  }

  failed(failure: Failure): void {
    this.#sink.failed(failure)
  }

  broke(failure: Failure): void {
    this.#sink.broke(failure)
  }

  #editorsFor({ prefillBody, rids }: AnswerHead, isEventStream: boolean): AnswerEditor[] {
    const { clientRid, batchSize, n, prefillLogprobs } = this.#fields
    const editors: AnswerEditor[] = []
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
