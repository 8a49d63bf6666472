/** One engine does both phases: there is no peer to connect, and only the rid is injected, for aborts. */

import type { Injection } from '../request/engine-body.ts'
import { newRid, newRids } from '../request/ids.ts'

/** `batchSize` is `undefined` for a single prompt. */
export function injectMixed(batchSize: number | undefined): Injection {
  return { rid: batchSize === undefined ? newRid() : newRids(batchSize) }
}
