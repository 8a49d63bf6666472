/** What a dead router thread has left on the engines, as calls that another thread makes. Pure. */
import type { Engine } from '../core/engine.ts'
import type { PendingAbort } from '../messages/thread.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { OpenLegs } from '../shared/leg-journal.ts'

/** An engine that has gone since is left out. `headersOf`: of the client's request. */
export function callsFor(
  left: readonly OpenLegs[],
  engines: readonly Engine[],
  headersOf: (exchangeId: number) => FlatHeaders,
): PendingAbort[] {
  const urls = new Map(engines.map(({ slot, url }) => [slot, url]))
  return left.flatMap(({ exchangeId, prefillSlot, decodeSlot, rid }) => {
    const headers = headersOf(exchangeId)
    const told = [prefillSlot, decodeSlot].map(slot => urls.get(slot)).filter(url => url !== undefined)
    return told.map(url => ({ url, rids: [rid], headers }))
  })
}
