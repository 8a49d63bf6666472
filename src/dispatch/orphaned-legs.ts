/** Turns the orphaned legs of a dead router thread into aborts that another thread sends to their engines. Pure. */
import type { Engine } from '../core/engine.ts'
import type { PendingAbort } from '../messages/thread.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { OpenLegs } from '../shared/leg-journal.ts'

/** Leaves out engines that were removed meanwhile. `headersOf` returns the headers of the client's request. */
export function abortsFor(
  orphanedLegs: readonly OpenLegs[],
  engines: readonly Engine[],
  headersOf: (exchangeId: number) => FlatHeaders,
): PendingAbort[] {
  const urlBySlot = new Map(engines.map(({ slot, url }) => [slot, url]))
  return orphanedLegs.flatMap(({ exchangeId, prefillSlot, decodeSlot, rid }) => {
    const headers = headersOf(exchangeId)
    const urls = [prefillSlot, decodeSlot].map(slot => urlBySlot.get(slot)).filter(url => url !== undefined)
    return urls.map(url => ({ url, rid, headers }))
  })
}
