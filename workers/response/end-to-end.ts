/** Removes the headers of an engine's response that are for the gateway only, or that the front end sets itself. */
import type { FlatHeaders } from '../../src/messages/types.ts'

/** Hop-by-hop headers (RFC 9110 section 7.6.1), and those that the front end sets itself. */
const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'date',
  'server',
])

/** Values of `Connection` that name no header. */
const PLAIN = new Set(['keep-alive', 'close', 'Keep-Alive', 'Close'])

/** The headers for the client. Those that the engine's `Connection` header names are for this hop only, too. */
export function endToEnd(headers: FlatHeaders): FlatHeaders {
  const named = namedByConnection(headers)
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!DROPPED.has(name) && named?.has(name) !== true) kept.push(name, headers[index + 1] ?? '')
  }
  return kept
}

/** `content-type` is never for one hop only: without it no client could read the body. */
function namedByConnection(headers: FlatHeaders): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const value = headers[index + 1] ?? ''
    if (headers[index] !== 'connection' || PLAIN.has(value)) continue
    names ??= new Set()
    for (const name of value.toLowerCase().split(',')) names.add(name.trim())
  }
  names?.delete('content-type')
  return names
}
