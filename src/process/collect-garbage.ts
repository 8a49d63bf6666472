/**
 * A full collection, now, in the calling thread. V8 makes one while memory is taken: a gateway that refuses requests
 * for want of memory takes next to none, and what is dead, the buffers of large bodies above all, would stay for ever.
 *
 * Costs about a millisecond for each MB that lives. Never on the way of a request.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collect: (() => void) | undefined

export function collectGarbage(): void {
  collect ??= findCollector()
  collect()
}

/** V8 gives it to contexts that are made under this flag, which is the whole process's: it stays, or another thread finds none. */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('globalThis.gc')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a function of V8's, which has no type here
  return typeof found === 'function' ? (found as () => void) : () => undefined
}
