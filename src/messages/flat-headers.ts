/** Lookups in headers stored as one flat list of names and values. */
import type { FlatHeaders } from './types.ts'

/** Chooses a data-parallel rank of the engine (SGLang 0.5.23 on its OpenAI routes, vLLM 0.32.0 everywhere). */
export const RANK_HEADER = 'x-data-parallel-rank'

/** The first value of the header; `name` is in lower case. */
export function headerIn(headers: FlatHeaders, name: string): string | undefined {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (headers[index] === name) return headers[index + 1]
  }
  return undefined
}

/** A copy without the headers of this name, in lower case, whose value `isMeant` accepts: all of them by default. */
export function withoutHeader(
  headers: FlatHeaders,
  name: string,
  isMeant: (value: string) => boolean = () => true,
): FlatHeaders {
  return headers.filter((_, index) => {
    const start = index - (index % 2)
    return headers[start] !== name || !isMeant(headers[start + 1] ?? '')
  })
}

/** A copy that carries this key instead of the client's, as a bearer token; the same headers if there is no key. */
export function withKey(headers: FlatHeaders, key: string | undefined): FlatHeaders {
  if (key === undefined) return headers
  return [...withoutHeader(headers, 'authorization'), 'authorization', `Bearer ${key}`]
}

/** Whether the response is a server-sent event stream. Media types are case-insensitive (RFC 9110 section 8.3.1). */
export function isEventStream(headers: FlatHeaders): boolean {
  return /^text\/event-stream/i.test(headerIn(headers, 'content-type') ?? '')
}
