/** Turns the orphaned legs of a dead router thread into aborts that another thread sends to their engines. Pure. */
import type { Engine } from '../core/engine.ts'
import type { PendingAbort } from '../messages/thread.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { OpenLegs } from '../shared/leg-journal.ts'

/**
 * Leaves out engines that were removed meanwhile, and vLLM, which has no aborts: there a request ends with the connections
 * of the dead thread. `headersOf` returns the headers of the client's request.
 */
export function abortsFor(
  orphanedLegs: readonly OpenLegs[],
  engines: readonly Engine[],
  headersOf: (exchangeId: number) => FlatHeaders,
): PendingAbort[] {
  const bySlot = new Map(engines.filter(({ isVllm }) => !isVllm).map(engine => [engine.slot, engine]))
  return orphanedLegs.flatMap(({ exchangeId, prefillSlot, decodeSlot, rid }) => {
    const headers = headersOf(exchangeId)
    const both = [prefillSlot, decodeSlot]
      .map(slot => bySlot.get(slot))
      .filter(engine => engine !== undefined)
    return both.map(({ url, apiKey }) => ({ url, apiKey, rid, headers }))
  })
}
