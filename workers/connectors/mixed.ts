/** One engine does prefill and decode: there is nothing to join, only a rid to abort it by. */

import type { Injection } from '../request/engine-body.ts'
import { newRid, newRids } from '../request/ids.ts'

export function injectMixed(batchSize: number | undefined): Injection {
  return { rid: batchSize === undefined ? newRid() : newRids(batchSize) }
}
