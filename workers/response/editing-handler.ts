/** Passes a response through the editors that the request needs, before the next handler. */
import type { AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import { withKnownEnds } from '../json/scan-context.ts'
import type { RequestFields } from '../request/fields.ts'
import { ClientRid } from './client-rid.ts'
import { EchoLogprobs } from './echo-logprobs.ts'
import type { ResponseEditor } from './editor.ts'
import { InputLogprobs } from './input-logprobs.ts'

export class EditingHandler implements AttemptHandler {
  readonly #fields: RequestFields
  readonly #next: AttemptHandler
  #editors: readonly ResponseEditor[] = []

  constructor(fields: RequestFields, next: AttemptHandler) {
    this.#fields = fields
    this.#next = next
  }

  /** Whether the response to such a request must be edited. */
  static isNeededFor(fields: RequestFields): boolean {
    return fields.clientRid !== undefined || fields.prefillLogprobs !== undefined
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    const edit = (): Uint8Array =>
      this.#editorsFor(head, false).reduce((bytes, editor) => editor.editBody(bytes), body)
    this.#next.onResponse(head, withKnownEnds(head.knownEnds ?? [], edit))
  }

  onHead(head: ResponseHead): void {
    this.#editors = this.#editorsFor(head, true)
    this.#next.onHead(head)
  }

  onData(bytes: Uint8Array): void {
    this.#next.onData(this.#editors.reduce((block, editor) => editor.editEvents(block), bytes))
  }

  onEnd(): void {
    this.#next.onEnd()
  }

  onError(failure: Failure): void {
    this.#next.onError(failure)
  }

  onReportedError(failure: Failure): void {
    this.#next.onReportedError(failure)
  }

  onStreamError(failure: Failure): void {
    this.#next.onStreamError(failure)
  }

  #editorsFor({ prefillBody, rid }: ResponseHead, isEventStream: boolean): ResponseEditor[] {
    const { clientRid, n, prefillLogprobs } = this.#fields
    const editors: ResponseEditor[] = []
    if (prefillBody !== undefined) {
      const Logprobs = prefillLogprobs === 'echo' ? EchoLogprobs : InputLogprobs
      editors.push(new Logprobs(prefillBody, isEventStream))
    }
    // For several samples engines generate rids of their own, whatever the client sent (SGLang 2026-07).
    if (typeof clientRid === 'string' && n === 1) editors.push(new ClientRid(rid, clientRid))
    return editors
  }
}
