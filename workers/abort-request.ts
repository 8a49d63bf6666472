/** `POST /abort_request`: tells an engine to give a request up, without waiting for its word on it. */
import type { FlatHeaders } from '../src/messages/types.ts'
import type { LegHandler } from './upstream/leg.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Whatever the engine says: it may be the very one that has died. */
const IGNORED: LegHandler = {
  onHead() {},
  onData() {},
  onEnd() {},
  onFail() {},
}

/** One request a rid: engines look each up by itself. */
export function requestAbort(
  upstreams: Upstreams,
  url: string,
  rids: readonly string[],
  headers: FlatHeaders,
): void {
  for (const rid of rids) {
    const body = Buffer.from(JSON.stringify({ rid, abort_all: false }))
    upstreams.to(url).send({ method: 'POST', path: '/abort_request', headers, body }, IGNORED)
  }
}
