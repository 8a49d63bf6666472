/** What a request may not ask for, though engines would understand it. Pure. */
import type { Config } from '../src/config/config.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { RequestFields } from './request/fields.ts'
import { countParts } from './samples/parts.ts'

/** @throws {GatewayError} `invalid-request` */
export function checkFields(fields: RequestFields, { samples, prompts }: Config['limits']): void {
  if (fields.n > samples) {
    throw new GatewayError(
      'invalid-request',
      `The field n is ${fields.n}, but at most ${samples} samples are allowed`,
    )
  }
  const parts = countParts(fields)
  if (parts <= prompts) return
  const message = `The request has ${parts} prompts times samples, but at most ${prompts} are allowed`
  throw new GatewayError('invalid-request', message)
}
