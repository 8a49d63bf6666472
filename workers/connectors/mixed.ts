/** One engine does both phases: there is no peer to connect, and only the rid is injected, for aborts. */

import type { Injection } from '../request/engine-body.ts'
import { newRid } from './ids.ts'

export function injectMixed(): Injection {
  return { rid: newRid() }
}
