/**
 * Chooses decode engines that keep the KV cache of a prompt when its response has ended. It may save the transfer of what
 * they hold, but never outweighs load: a decode engine with more requests is slower for all of them.
 *
 * Of the engines that are no more loaded than the one with the smallest load would be with this request, the one is chosen
 * that holds the longest beginning of the prompt.
 */
import { HELD_SHARE } from './cache-aware.ts'
import { leastLoad, loadMeasure, ownLoad } from './least-load.ts'
import type { Policy } from './policy.ts'

export const decodeCache: Policy = (engines, view, request) => {
  const prompt = request?.prompt
  if (prompt === undefined) return leastLoad(engines, view)
  const loadOf = loadMeasure(engines, view)
  const loads = engines.map(loadOf)
  const minLoad = Math.min(...loads)
  const own = ownLoad(engines, prompt.bytes)
  const alike = engines.filter((engine, index) => (loads[index] ?? 0) <= minLoad + own(engine))
  const held = alike.map(({ slot }) => prompt.cachedBytes(slot))
  const maxHeld = Math.max(...held)
  if (maxHeld === 0) return leastLoad(engines, view)
  const chosen = leastLoad(
    alike.filter((_, index) => (held[index] ?? 0) >= HELD_SHARE * maxHeld),
    view,
  )
  view.reason = 'cached'
  return chosen
}
