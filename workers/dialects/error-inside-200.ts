/**
 * Recognizes an engine's error inside a response of status 200, in any API: an error object, in any of the shapes that
 * engines and proxies use, and a finish for the reason `abort` or `error`. Pure.
 *
 *   {"error":{"message":"…","type":"…","code":400}}              vLLM 0.32.0; SGLang 0.5.23 in `/generate` streams
 *   {"error":{"object":"error","message":"…","code":500}}        SGLang 0.5.23 in OpenAI streams
 *   {"object":"error","message":"…","code":500}                  SGLang
 *   {"error":"…"}                                                SGLang 0.5.23, the schema check of `/generate`
 *   {"type":"error",…}, {"detail":…}, {"errors":[…]}             other APIs, FastAPI, proxies
 *
 * Once a stream has shown a token, and for whole bodies, only bytes with certain words get here: a new shape without one of
 * them must be added to `sign-scan.ts` and `fast-path.ts`, and to `holding` in `named-event.ts`, too.
 */
import { isObject, type Json } from '../../src/core/text/parse-json.ts'

export interface ReportedFailure {
  readonly kind: 'failure'
  readonly what: 'error-event' | 'abort' | 'protocol'
  /** Empty when the engine gives no message. */
  readonly message: string
  /** 400 to 599; `undefined` when the engine names no such status. */
  readonly status: number | undefined
  /** The engine's error type, if it names one. */
  readonly type?: string | undefined
  /** The engine's error code, if it names one. */
  readonly code?: string | number | undefined
  /** The engine's payload for the client, see `toClientBody`. */
  readonly body?: Json | undefined
}

/** Members of a response that generates. A payload with one of them is no error because of a `detail`. */
const OUTPUT_MEMBERS = ['choices', 'meta_info', 'text', 'output_ids', 'usage']

/** Statuses that the error types of SGLang, vLLM, OpenAI and Anthropic stand for; none for those that stand for any 5xx. */
const TYPE_STATUSES: readonly (readonly [type: RegExp, status: number])[] = [
  [/^(?:invalid_?request|bad_?request|unprocessable)/i, 400],
  [/^(?:authentication|unauthorized)/i, 401],
  [/^(?:permission|forbidden)/i, 403],
  [/^not_?found/i, 404],
  [/^rate_?limit/i, 429],
  [/^overloaded/i, 503],
]

/** An error that says nothing (`""`, `null`, `{}`, an object of such values) is none. */
export function findError(payload: Json): ReportedFailure | undefined {
  const error = errorOf(payload)
  if (isEmpty(error)) return undefined
  if (!isObject(error)) {
    const message = typeof error === 'string' ? error : JSON.stringify(error)
    return { kind: 'failure', what: 'error-event', message, status: undefined }
  }
  const code = error['code']
  return {
    kind: 'failure',
    what: 'error-event',
    message: messageOf(error),
    status: statusIn(error),
    type: typeOf(error),
    code: typeof code === 'number' || typeof code === 'string' ? code : undefined,
    body: toClientBody(payload),
  }
}

/** vLLM ends with `error` what its engine could not compute. */
const FAILED_FINISHES: Readonly<Record<string, ReportedFailure['what']>> = {
  abort: 'abort',
  error: 'error-event',
}

/** `reasons`: texts in OpenAI's responses, objects in those of `/generate`. */
export function findFailedFinish(reasons: readonly unknown[]): ReportedFailure | undefined {
  for (const reason of reasons) {
    const details = isObject(reason) ? reason : { type: reason }
    const what = FAILED_FINISHES[String(details['type'])]
    if (what === undefined) continue
    return {
      kind: 'failure',
      what,
      message: textOf(details['message']),
      status: readStatus(details['status_code']),
      type: textOf(details['err_type']) || undefined,
    }
  }
  return undefined
}

/**
 * What a client gets of an engine's error: a nested error as it is; one whose fields stand at the top level with a copy
 * of them under `error`, because OpenAI's client libraries look only there. `undefined` for any other shape.
 */
export function toClientBody(payload: Json): Json | undefined {
  if (isObject(payload['error'])) return payload
  return payload['object'] === 'error' ? { ...payload, error: payload } : undefined
}

/** An HTTP error status, as a number or as text. */
function readStatus(value: unknown): number | undefined {
  const status = typeof value === 'string' ? Number(value) : value
  return isErrorStatus(status) ? status : undefined
}

export function isErrorStatus(status: unknown): status is number {
  return typeof status === 'number' && status >= 400 && status <= 599
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function errorOf(payload: Json): unknown {
  if (!isEmpty(payload['error'])) return payload['error']
  if (payload['object'] === 'error' || payload['type'] === 'error') return payload
  if (OUTPUT_MEMBERS.some(member => member in payload)) return undefined
  return [payload['detail'], payload['errors']].find(value => !isEmpty(value))
}

function messageOf(error: Json): string {
  const texts = [error['message'], error['detail'], error['msg']].map(textOf)
  return texts.find(text => text !== '') ?? ''
}

/** From the code, or from the type, which may repeat the status or stand for one. */
function statusIn(error: Json): number | undefined {
  const named = [error['code'], error['status_code'], error['type']].map(readStatus)
  const type = textOf(error['type'])
  return named.find(status => status !== undefined) ?? TYPE_STATUSES.find(([of]) => of.test(type))?.[1]
}

/** Not where it only repeats the status. */
function typeOf(error: Json): string | undefined {
  const type = textOf(error['type'])
  return type === '' || /^\d+$/.test(type) ? undefined : type
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return !value
  return Object.values(value).every(member => member === null || member === '')
}
