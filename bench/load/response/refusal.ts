/** Checks that a client can act on a refusal: it has OpenAI's error shape and a Retry-After header. */
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { member } from '../../json/member.ts'

/** @returns what is missing; undefined if the refusal is well-formed. */
export function refusalFault(headers: ReadonlyMap<string, string>, body: string): string | undefined {
  const wait = headers.get('retry-after')
  if (wait === undefined) return 'no retry-after'
  if (!/^\d+$/.test(wait)) return `retry-after is not a number of seconds: ${wait}`
  if (headers.get('content-type')?.startsWith('application/json') !== true) return 'content-type is not JSON'
  const error = member(parseJson(body), 'error')
  if (typeof member(error, 'message') !== 'string') return 'no error.message'
  if (typeof member(error, 'type') !== 'string') return 'no error.type'
  if (member(error, 'code') === undefined) return 'no error.code'
  return undefined
}
