/**
 * The routing key of a request, by which the client says what it belongs to, such as a session or a user. A header has
 * precedence over the body.
 */
import { hashText } from '../../src/core/text-hash.ts'
import { headerIn } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'

/**
 * `names`: of headers, in lower case, the most important first. `fromBody`: the key in the body, if there is one.
 *
 * @returns its hash, 0 to 2^32-1, the same for the same key wherever it is
 */
export function routingKey(
  headers: FlatHeaders,
  names: readonly string[],
  fromBody: string | undefined,
): number | undefined {
  for (const name of names) {
    const value = headerIn(headers, name)
    if (value !== undefined && value !== '') return hashText(value)
  }
  return fromBody === undefined ? undefined : hashText(fromBody)
}
