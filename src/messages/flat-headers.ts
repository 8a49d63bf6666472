/** Looks into headers that are kept as one flat list of names and values. */
import type { FlatHeaders } from './types.ts'

/** The first value under the name, which is in lower case. */
export function headerIn(headers: FlatHeaders, name: string): string | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at] === name) return headers[at + 1]
  }
  return undefined
}

/** Whether the answer is a stream of server-sent events. The type may be in any case (RFC 9110 section 8.3.1). */
export function isEventStream(headers: FlatHeaders): boolean {
  return /^text\/event-stream/i.test(headerIn(headers, 'content-type') ?? '')
}
