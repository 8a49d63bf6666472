/**
 * What KV events prove about prompts whose tokens are unknown: how much an engine has room for. Pure.
 *
 * Engines evict what was not used for longest. An engine that has begun to evict is full, so what it holds is what it has
 * room for; and what it has used before it stored that much again is gone.
 */
import type { CacheWindow } from '../policy/cache-window.ts'

/** Seen since the gateway follows the engine's events. */
export interface CacheTurnover {
  /** Bytes of prompts that the engine has computed. */
  readonly computedBytes: number
  /** Tokens that it has stored meanwhile: those of prompts and, on an engine that decodes, of outputs. */
  readonly storedTokens: number
  readonly removedTokens: number
  /** Tokens that it holds now. */
  readonly heldTokens: number
}

/** `known`, with no more room than the events show; `known` itself if they show nothing new. */
export function bounded(known: CacheWindow, turnover: CacheTurnover): CacheWindow {
  const { computedBytes, storedTokens, removedTokens, heldTokens } = turnover
  // Before the engine has stored as much as it holds, part of that is from before, of unknown size in bytes.
  if (removedTokens === 0 || storedTokens < heldTokens) return known
  const room = Math.floor((heldTokens * computedBytes) / storedTokens)
  if (room >= known.capacity) return known
  return {
    capacity: room,
    window: Math.min(known.window, room),
    longestHit: Math.min(known.longestHit, room),
  }
}
