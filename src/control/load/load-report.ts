/**
 * What SGLang reports of its load at `/v1/loads`, and how much of it comes from other clients and gateways. Pure.
 */
import type { Role } from '../../core/engine.ts'
import { isObject, type Json, parseObject } from '../../core/text/parse-json.ts'
import type { OthersLoad } from '../../shared/engine-slots.ts'

/** Of an engine, or of one data-parallel rank. */
export interface ReportedLoad {
  /** From 0. */
  readonly rank: number
  /** When the engine has made it, on its own clock in seconds; 0 if it does not say. */
  readonly timestamp: number
  /**
   * Running and waiting requests, and those whose KV cache is on its way. On a prefill engine those of the running forward
   * pass are in no count (SGLang 0.5.23).
   */
  readonly requests: number
  /** Tokens of waiting prompts that are not cached, so that the engine has to compute them. */
  readonly waitingTokens: number
  /** Tokens of all requests, running and waiting. */
  readonly tokens: number
}

export const NO_OTHERS: OthersLoad = { requests: 0, promptBytes: 0 }

/** Of text in most languages, as clients write it. */
const BYTES_PER_TOKEN = 4
/** A prefill engine counts these neither as running nor as waiting. */
const TRANSFERS = 'prefill_inflight_queue_reqs'

/** A row for each rank; `undefined` if that is no report. */
export function parseLoads(body: string): readonly ReportedLoad[] | undefined {
  const loads = parseObject(body)?.['loads']
  return Array.isArray(loads) ? loads.filter(isObject).map(loadOf) : undefined
}

function loadOf(fields: Json, index: number): ReportedLoad {
  const transfers = isObject(fields['disaggregation']) ? countIn(fields['disaggregation'], TRANSFERS) : 0
  return {
    rank: countIn(fields, 'dp_rank', index),
    timestamp: countIn(fields, 'timestamp'),
    requests: countIn(fields, 'num_running_reqs') + countIn(fields, 'num_waiting_reqs') + transfers,
    waitingTokens: countIn(fields, 'num_waiting_uncached_tokens'),
    tokens: countIn(fields, 'num_total_tokens'),
  }
}

function countIn(fields: Json, name: string, missing = 0): number {
  const value = fields[name]
  return typeof value === 'number' && value >= 0 && value < Infinity ? value : missing
}

/** The load of all ranks together, for an engine that chooses the rank itself. */
export function totalOf(loads: readonly ReportedLoad[]): ReportedLoad {
  const sum = (read: (load: ReportedLoad) => number): number =>
    loads.reduce((total, load) => total + read(load), 0)
  return {
    rank: 0,
    timestamp: Math.max(0, ...loads.map(({ timestamp }) => timestamp)),
    requests: sum(load => load.requests),
    waitingTokens: sum(load => load.waitingTokens),
    tokens: sum(load => load.tokens),
  }
}

/**
 * The part of the load that is not the gateway's, which has `own` requests on the engine. Tokens are divided as requests
 * are, because an engine does not say whose they are. They count as prompts do that this gateway has there: what
 * prefill has still to compute, and what decode holds.
 */
export function othersIn(
  { requests, waitingTokens, tokens }: ReportedLoad,
  own: number,
  role: Role,
): OthersLoad {
  const others = Math.max(0, requests - own)
  if (others === 0) return NO_OTHERS
  const share = others / requests
  const counted = role === 'decode' ? tokens : waitingTokens
  return { requests: others, promptBytes: Math.round(BYTES_PER_TOKEN * share * counted) }
}

/**
 * What two reports in a row agree on. An engine counts a request for a moment longer than the gateway does, such as one that
 * was aborted, so one report alone may show a request that is nobody's.
 */
export function confirmed(earlier: OthersLoad, later: OthersLoad): OthersLoad {
  return {
    requests: Math.min(earlier.requests, later.requests),
    promptBytes: Math.min(earlier.promptBytes, later.promptBytes),
  }
}
