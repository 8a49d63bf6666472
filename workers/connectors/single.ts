/** One engine does prefill and decode: there is nothing to join, only a rid to abort it by. */
import { newRid, newRids } from '../identity.ts'
import type { Injection } from '../upstream/body.ts'

export function injectSingle(batchSize: number | undefined): Injection {
  return { rid: batchSize === undefined ? newRid() : newRids(batchSize) }
}
