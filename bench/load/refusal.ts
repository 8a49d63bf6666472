/** Whether a refusal is one that a client can act on: OpenAI's error shape, and when to come again. */
import { member } from './answer-pieces.ts'

/** @returns what is missing, undefined when nothing is. */
export function refusalFault(headers: ReadonlyMap<string, string>, body: string): string | undefined {
  const wait = headers.get('retry-after')
  if (wait === undefined) return 'no retry-after'
  if (!/^\d+$/.test(wait)) return `retry-after is not a number of seconds: ${wait}`
  if (headers.get('content-type')?.startsWith('application/json') !== true) return 'content-type is not JSON'
  const error = member(jsonOf(body), 'error')
  if (typeof member(error, 'message') !== 'string') return 'no error.message'
  if (typeof member(error, 'type') !== 'string') return 'no error.type'
  if (member(error, 'code') === undefined) return 'no error.code'
  return undefined
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
