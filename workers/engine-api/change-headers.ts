/** The headers of a request that changes something on an engine, such as a cache flush. Pure. */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { headerIn, withKey } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders, OpenMessage } from '../../src/messages/types.ts'

/**
 * Who may make a change was decided by the gateway, so the engine gets the gateway's key for changes. Without such a key one
 * that the client has sent is meant for the engine, and goes before the key for probes.
 */
export function changeHeaders(
  { headers }: Pick<OpenMessage, 'headers'>,
  { apiKey }: Pick<Engine, 'apiKey'>,
  { engines }: { readonly engines: Pick<Config['engines'], 'adminApiKey'> },
): FlatHeaders {
  const own = headerIn(headers, 'authorization') === undefined ? apiKey : undefined
  return withKey(headers, engines.adminApiKey ?? own)
}
