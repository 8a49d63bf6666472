/** What a request may not ask for, though engines would understand it. Pure. */
import type { Config } from '../src/config/config.ts'
import { GatewayError } from '../src/core/errors.ts'
import { headerIn, RANK_HEADER } from '../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../src/messages/types.ts'
import type { RequestFields } from './request/fields.ts'
import { countParts } from './samples/parts.ts'

/** @throws {GatewayError} `invalid-request` */
export function checkFields(
  fields: RequestFields,
  headers: FlatHeaders,
  { limits, engines }: Pick<Config, 'limits' | 'engines'>,
): void {
  const { samples, prompts } = limits
  // Both legs get the same request, but a rank is meant for one of the engines, and the other must know it.
  const pinned =
    fields.pinnedRank ?? (headerIn(headers, RANK_HEADER) === undefined ? undefined : `header ${RANK_HEADER}`)
  if (pinned !== undefined && engines.mode === 'pd') {
    const message = `The ${pinned} cannot be honored with separate prefill and decode engines: remove it`
    throw new GatewayError('invalid-request', message)
  }
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
