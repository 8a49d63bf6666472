/**
 * Prompts of about the same length go to the same engine, so that short ones do not wait for long ones. The engines, in
 * their order, divide the lengths among them so that each gets the same number of bytes, as far as recent prompts show.
 */
import type { Engine } from '../core/engine.ts'
import { leastLoad } from './least-load.ts'
import { engineAt, meanOf, type Policy, type PolicyView } from './policy.ts'
import type { LoadBound } from './rendezvous.ts'

/** The lengths of recent prompts. */
export interface LengthShares {
  /**
   * The share, 0 to 1, of all bytes of recent prompts that belong to shorter ones, plus the share `chance` of those that
   * belong to prompts of about this length.
   */
  shareBelow(bytes: number, chance: number): number
}

/**
 * Chance divides prompts of one length if they are more than one engine's part. An engine that has much more to compute
 * than the others gets nothing new: the one with the least does. Requests without a prompt that can be read go by load.
 */
export function bucket(bound: LoadBound, lengths: LengthShares): Policy {
  return (engines, view, request) => {
    if (engines.length === 1) return engineAt(engines, 0)
    const bytes = request?.promptBytes
    if (bytes === undefined) return leastLoad(engines, view)
    const share = lengths.shareBelow(bytes, view.random())
    const named = engineAt(engines, Math.min(engines.length - 1, Math.floor(share * engines.length)))
    const limit = bound.loadFactor * meanOf(engines, slot => view.work(slot)) + bound.loadMargin * bytes
    const isBusy = view.work(named.slot) > limit
    view.reason = isBusy ? 'load' : 'length'
    return isBusy ? smallestWork(engines, view) : named
  }
}

function smallestWork(engines: readonly Engine[], view: PolicyView): Engine {
  let best = engineAt(engines, 0)
  for (const engine of engines) if (view.work(engine.slot) < view.work(best.slot)) best = engine
  return best
}
