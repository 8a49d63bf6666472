/** What a request may not ask for, though engines would understand it. Pure. */
import type { Config } from '../src/config/config.ts'
import { GatewayError } from '../src/core/errors.ts'
import { headerIn, RANK_HEADER } from '../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../src/messages/types.ts'
import type { RequestFields } from './request/fields.ts'
import { countParts } from './samples/parts.ts'

/** A data-parallel rank that the client has named. */
export type PinnedRank = NonNullable<RequestFields['pinnedRank']>

/** The header overrides the body, as on engines (SGLang 0.5.23, vLLM 0.32.0). */
export function pinnedRankOf(
  { pinnedRank }: Pick<RequestFields, 'pinnedRank'>,
  headers: FlatHeaders,
): PinnedRank | undefined {
  const text = headerIn(headers, RANK_HEADER)
  if (text === undefined) return pinnedRank
  const rank = /^\d{1,9}$/.test(text) ? Number(text) : -1
  return { name: pinnedRank?.name ?? `header ${RANK_HEADER}`, rank }
}

/** @throws {GatewayError} `invalid-request` */
export function checkFields(
  fields: RequestFields,
  pinned: PinnedRank | undefined,
  { limits, engines }: Pick<Config, 'limits' | 'engines'>,
): void {
  const { samples, prompts } = limits
  // Both legs get the same request, but a rank is meant for one of the engines, and the other must know it.
  if (pinned !== undefined && engines.mode === 'pd') {
    const message = `The ${pinned.name} cannot be honored with separate prefill and decode engines: remove it`
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
