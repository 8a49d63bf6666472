/**
 * The data-parallel ranks that a request names. `routed_dp_rank`: the rank of this engine that runs it; before SGLang
 * 0.5.10 it was called `data_parallel_rank`, which is still accepted. `disagg_prefill_dp_rank`: the rank of the prefill
 * engine that has the KV cache.
 */
import { type Fields, RequestError } from './fields.ts'
import type { Endpoint } from './parameters.ts'

const RANK_HEADER = 'x-data-parallel-rank'

export interface NamedRanks {
  readonly routed: number | undefined
  readonly prefill: number | undefined
}

/** Of a body that `checkRanks` has passed. */
export function ranksOf(body: Fields): NamedRanks {
  return {
    routed: numberIn(body, 'routed_dp_rank') ?? numberIn(body, 'data_parallel_rank'),
    prefill: numberIn(body, 'disagg_prefill_dp_rank'),
  }
}

/**
 * The header overrides the body, except for `/generate`.
 *
 * @throws RequestError if it is not an integer
 */
export function withRankHeader(
  endpoint: Endpoint,
  body: Fields,
  headers: NodeJS.Dict<string | string[]>,
): Fields {
  const value = headers[RANK_HEADER]
  if (endpoint === 'generate' || value === undefined) return body
  if (typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value))
    return { ...body, routed_dp_rank: Number(value) }
  throw new RequestError(
    'value',
    `Invalid X-Data-Parallel-Rank header: must be an integer, got '${String(value)}'`,
  )
}

/**
 * An engine with one rank ignores rank 0. The rank of the prefill engine is checked by nobody.
 *
 * @throws RequestError for a rank that the engine does not have
 */
export function checkRanks(body: Fields, dpSize: number): void {
  for (const name of ['data_parallel_rank', 'routed_dp_rank']) {
    const rank = numberIn(body, name)
    if (rank !== undefined && (rank < 0 || rank >= dpSize))
      throw new RequestError('value', `${name}=${rank} out of range [0, ${dpSize})`)
  }
}

function numberIn(body: Fields, name: string): number | undefined {
  const value = body[name]
  return typeof value === 'number' ? value : undefined
}
