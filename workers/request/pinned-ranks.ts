/**
 * The data-parallel ranks that a client pins, and what that means for each engine of its request. Pure.
 *
 * To a pair the fields mean what they mean to SGLang 0.5.23's decode engine: `routed_dp_rank` is the rank that runs the
 * request, and `disagg_prefill_dp_rank` the one that has computed its prompt. Each names the rank of one engine; the
 * gateway chooses what is left open.
 */

import { GatewayError } from '../../src/core/errors.ts'
import type { RankPins } from '../../src/eligibility/rank-pins.ts'
import { headerIn, RANK_HEADER } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import { indexAt, indexOf, lastMember } from '../json/members.ts'
import type { Member } from '../json/scan.ts'

/** The rank of the engine that gets the request. The second is what the first was called before SGLang 0.5.10. */
export const OWN_RANK_KEYS = ['routed_dp_rank', 'data_parallel_rank'] as const
export const RANK_KEYS = [...OWN_RANK_KEYS, 'disagg_prefill_dp_rank'] as const

/** As the body has them: -1 for what is no whole number of 0 or more, `undefined` for what is missing or null. */
export interface RankFields {
  readonly routed: number | undefined
  readonly prefill: number | undefined
}

const NO_FIELDS: RankFields = { routed: undefined, prefill: undefined }

/** Whether a member names the rank of the engine that gets the request, null included. */
export function namesOwnRank(members: readonly Member[]): boolean {
  return members.some(({ key }) => OWN_RANK_KEYS.some(name => name === key))
}

/** `undefined` if the body names no rank. */
export function readRankFields(bytes: Buffer, members: readonly Member[]): RankFields | undefined {
  const rankIn = (name: (typeof RANK_KEYS)[number]): number | undefined =>
    indexAt(bytes, lastMember(members, name))
  const routed = rankIn('routed_dp_rank') ?? rankIn('data_parallel_rank')
  const prefill = rankIn('disagg_prefill_dp_rank')
  return routed === undefined && prefill === undefined ? undefined : { routed, prefill }
}

/**
 * The header overrides the body, as on engines (SGLang 0.5.23, vLLM 0.32.0). `undefined` if no engine is pinned.
 *
 * @throws {GatewayError} `invalid-request` for what is no rank; a mixed engine gets what its body says as it is
 */
export function rankPinsOf(
  { routed: inBody, prefill: ofPrefill }: RankFields = NO_FIELDS,
  headers: FlatHeaders,
  mode: 'pd' | 'mixed',
): RankPins | undefined {
  const text = headerIn(headers, RANK_HEADER)
  const routed = text === undefined ? inBody : indexOf(text)
  const prefill = mode === 'pd' ? ofPrefill : undefined
  if (routed === undefined && prefill === undefined) return undefined
  if (mode === 'pd') return pinsOfPair(prefill, routed)
  // Engines refuse what is no rank in a body, but do not read the header on every path.
  if (routed === -1 && text !== undefined) throw notARank()
  return { mixed: routed }
}

function pinsOfPair(prefill: number | undefined, decode: number | undefined): RankPins {
  if (prefill === -1 || decode === -1) throw notARank()
  return { prefill, decode }
}

function notARank(): GatewayError {
  const names = `routed_dp_rank, disagg_prefill_dp_rank and the header ${RANK_HEADER}`
  return new GatewayError(
    'invalid-request',
    `A data-parallel rank must be a whole number, 0 or more: ${names}`,
  )
}
