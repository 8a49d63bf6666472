/**
 * A policy chooses one of the eligible engines. Health, models and exclusions are none of its concern; `eligible.ts`
 * handles them.
 */
import type { Engine } from '../core/engine.ts'
import type { Random } from '../core/random.ts'

/**
 * Why a policy has chosen an engine, in one word, which operators read in the log, in the metrics and in the response
 * header `x-pdgw-route`:
 *   only     no other engine could be chosen
 *   load     the smallest load; or the engine with the prefix, or the one that the key or the length names, had far more
 *            to do than the others
 *   turn     it was its turn
 *   random   chance
 *   cached   it holds the longest cached prefix of the prompt, or nearly so
 *   cheaper  another engine holds a longer prefix, but its queue costs more than computing the prefix again
 *   hashed   no engine has cached anything of the prompt, as far as is known, so its hash names the engine
 *   key      the routing key names the engine
 *   prefix   the beginning of the prompt names the engine
 *   length   the engine takes prompts of about this length
 */
export type ChoiceReason =
  | 'only'
  | 'load'
  | 'turn'
  | 'random'
  | 'cached'
  | 'cheaper'
  | 'hashed'
  | 'key'
  | 'prefix'
  | 'length'

/** State that a policy may use in addition to the engines. */
export interface PolicyView {
  readonly random: Random
  /** Why the latest engine was chosen. Every policy sets it when it chooses among several. */
  reason: ChoiceReason
  /** Requests in flight on the engine of the slot, over all threads. */
  inFlight(slot: number): number
  /**
   * Bytes of prompts that the engine has still to compute, over all threads; of a decode engine, of those whose KV caches
   * it holds or waits for.
   */
  work(slot: number): number
  /** What the engine has from other clients and gateways, as it reported some seconds ago, counted as `inFlight` and `work`. */
  othersRequests(slot: number): number
  othersPromptBytes(slot: number): number
  /** Bytes of prompts that the engine has computed in the last minutes, weighted by their age. `second`: the present one. */
  recentWork(slot: number, second: number): number
  /** The present second of the process clock. */
  second(): number
  /** Next value, 0 or more, of a counter that all threads share. */
  next(): number
}

/** What is known of the prompt of a request. Valid only while the policy runs. */
export interface PromptView {
  readonly bytes: number
  /** Bytes from the beginning of the prompt that the engine is believed to have cached. */
  cachedBytes(slot: number): number
  /** Hash of the prompt up to about 1 KiB after `bytes`; the same in every gateway. */
  keyAfter(bytes: number): number
}

/** What a policy may know of a request. A part is worked out when it is read, so nobody pays for what no policy reads. */
export interface RequestView {
  /** What is known of the prompt; `undefined` if it is too short to be cached. */
  readonly prompt?: PromptView | undefined
  /** Hash of the whole prompt, as `key`, if it is too short to be cached; `undefined` if it is not, or if it is empty. */
  readonly shortKey?: number | undefined
  /**
   * Hash of the routing key, by which the client says what the request belongs to: 0 to 2^32 - 1, the same in every
   * gateway. `undefined` if the request has none.
   */
  readonly key?: number | undefined
  /** Hash of the first `policy.prefixBytes` of the prompt, as `key`; `undefined` if the request has no prompt. */
  readonly prefixKey?: number | undefined
  /** Size of the prompt, as the client wrote it, in bytes. */
  readonly promptBytes?: number | undefined
}

/** Returns one of `engines`, which is not empty. */
export type Policy = (engines: readonly Engine[], view: PolicyView, request?: RequestView) => Engine

/** The engine at `index`, which must exist. */
export function engineAt(engines: readonly Engine[], index: number): Engine {
  const engine = engines[index]
  if (engine === undefined) throw new RangeError(`No engine at index ${index} of ${engines.length}`)
  return engine
}

/** The mean over the engines, of which there is at least one, of what `valueOf` says of their slots. */
export function meanOf(engines: readonly Engine[], valueOf: (slot: number) => number): number {
  let sum = 0
  for (const { slot } of engines) sum += valueOf(slot)
  return sum / engines.length
}
