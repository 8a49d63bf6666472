/** Reads the body of an error response in any of the shapes that engines and the proxies in front of them use. Pure. */
import { isObject, type Json, parseObject } from '../../src/core/text/parse-json.ts'
import { toClientBody } from '../dialects/error-inside-200.ts'

export interface ErrorEnvelope {
  /** Cut to 4,096 characters; empty for an empty body. */
  readonly message: string
  /** OpenAI's `type`; `undefined` where the engine repeats the status in it, or names none. */
  readonly type: string | undefined
  readonly code: string | number | undefined
  /** JSON for the client: the engine's own, see `toClientBody`; `undefined` if ours must replace it. */
  readonly body: string | undefined
}

const MESSAGE_LIMIT = 4096
const READ_BYTES = 65_536

/** The message is taken from `error.message`, `message`, `error` as text or `detail`; else it is the whole text. */
export function readEnvelope(body: Uint8Array): ErrorEnvelope {
  const text = new TextDecoder().decode(body.subarray(0, READ_BYTES))
  const outer = parseObject(text)
  if (outer === undefined)
    return {
      message: text.trim().slice(0, MESSAGE_LIMIT),
      type: undefined,
      code: undefined,
      body: undefined,
    }
  const inner = isObject(outer['error']) ? outer['error'] : outer
  const texts = [inner['message'], outer['message'], outer['error'], detailOf(outer)]
  const code = inner['code']
  const type = inner['type']
  return {
    message: (texts.find(isText) ?? text).slice(0, MESSAGE_LIMIT),
    type: isText(type) && !/^\d+$/.test(type) ? type : undefined,
    code: isText(code) || typeof code === 'number' ? code : undefined,
    body: bodyOf(outer, text),
  }
}

/** A nested error is passed on byte for byte. */
function bodyOf(outer: Json, text: string): string | undefined {
  const body = toClientBody(outer)
  return body === outer ? text : body && JSON.stringify(body)
}

/** FastAPI's `detail`: a text, or a list of `{"loc":["body","n"],"msg":"…"}`, which becomes `body.n: …`. */
function detailOf({ detail }: Json): unknown {
  if (!Array.isArray(detail)) return detail
  const texts = detail.filter(isObject).map(({ loc, msg }) => {
    const path = Array.isArray(loc) ? loc.join('.') : ''
    return isText(msg) && path !== '' ? `${path}: ${msg}` : msg
  })
  return texts.filter(isText).join('; ')
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
