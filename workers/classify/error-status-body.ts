/** Reads the body of an error response in any of the shapes that engines and the proxies in front of them use. Pure. */
import { isObject, parseObject } from '../../src/core/parse-json.ts'

export interface ErrorEnvelope {
  /** Cut to 4,096 characters; empty for an empty body. */
  readonly message: string
  /** OpenAI's `type`; `undefined` where the engine repeats the status in it, or names none. */
  readonly type: string | undefined
  readonly code: string | number | undefined
}

const MESSAGE_LIMIT = 4096
const READ_BYTES = 65_536

/** The message is taken from `error.message`, `message`, `error` as text or `detail`; else it is the whole text. */
export function readEnvelope(body: Uint8Array): ErrorEnvelope {
  const text = new TextDecoder().decode(body.subarray(0, READ_BYTES))
  const outer = parseObject(text)
  if (outer === undefined)
    return { message: text.trim().slice(0, MESSAGE_LIMIT), type: undefined, code: undefined }
  const inner = isObject(outer['error']) ? outer['error'] : outer
  const message = [inner['message'], outer['message'], outer['error'], outer['detail']].find(isText) ?? text
  const code = inner['code']
  const type = inner['type']
  return {
    message: message.slice(0, MESSAGE_LIMIT),
    type: isText(type) && !/^\d+$/.test(type) ? type : undefined,
    code: isText(code) || typeof code === 'number' ? code : undefined,
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
