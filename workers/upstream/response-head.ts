/**
 * Prepares the head of a response for undici's parser, which rejects two things that a client must accept:
 *
 *   interim responses   1xx heads that precede the response, even if they were not requested (RFC 9110 section 15.2);
 *                       they are dropped. An unrequested 101 is left to the parser, which rejects it: after it the
 *                       connection would speak another protocol.
 *   repeated lengths    several equal `Content-Length` values count as one (RFC 9112 section 6.3)
 *
 * Heads of responses only: hot path per response, not per chunk.
 */
const HEAD_END = Buffer.from('\r\n\r\n')
const PREFIX = Buffer.from('HTTP/')
/** Where the status starts: `HTTP/1.1 200 OK`. */
const STATUS_AT = 'HTTP/1.1 '.length
const ONE = 0x31
const STATUS_LINE = /^HTTP\/1\.\d 1(?!01)\d\d[ \r]/
/** A longer head is left to the parser, which has a limit of its own (`limits.headerBytes`). */
const MAX_HELD_BYTES = 64 * 1024

const SEVERAL_LENGTHS = /\r\ncontent-length:(?:[^\r]*,|[^]*\r\ncontent-length:)/i
const LENGTHS = /\r\ncontent-length:([^\r]*)/gi

export class ResponseHead {
  #held: Buffer | undefined

  /** Drops what is held of a head, before the next one. */
  reset(): void {
    this.#held = undefined
  }

  /** Bytes for the parser, in memory of their own; `undefined` while the head is incomplete. `bytes` is not kept. */
  push(bytes: Buffer): Buffer | undefined {
    let rest = Buffer.concat(this.#held === undefined ? [bytes] : [this.#held, bytes])
    this.#held = undefined
    for (;;) {
      const end = rest.indexOf(HEAD_END)
      if (end < 0) return this.#hold(rest)
      if (rest[STATUS_AT] !== ONE || !STATUS_LINE.test(rest.toString('latin1', 0, STATUS_AT + 4)))
        return withOneLength(rest, end)
      rest = rest.subarray(end + HEAD_END.length)
    }
  }

  /** What is held of a head that will not be completed. */
  takeRest(): Buffer | undefined {
    const held = this.#held
    this.#held = undefined
    return held
  }

  /** Bytes that cannot become a head are not held. */
  #hold(rest: Buffer): Buffer | undefined {
    const prefixBytes = Math.min(rest.length, PREFIX.length)
    if (rest.compare(PREFIX, 0, prefixBytes, 0, prefixBytes) !== 0 || rest.length > MAX_HELD_BYTES)
      return rest
    this.#held = rest
    return undefined
  }
}

/** `end`: where the head ends, before its empty line. Lengths that differ are left for the parser to reject. */
function withOneLength(bytes: Buffer, end: number): Buffer {
  const head = bytes.toString('latin1', 0, end)
  if (!SEVERAL_LENGTHS.test(head)) return bytes
  const [first = '', ...others] = [...head.matchAll(LENGTHS)]
    .flatMap(([, values = '']) => values.split(','))
    .map(value => value.trim())
  if (!/^\d+$/.test(first) || others.some(other => other !== first)) return bytes
  const single = `${head.replaceAll(LENGTHS, '')}\r\ncontent-length: ${first}`
  return Buffer.concat([Buffer.from(single, 'latin1'), bytes.subarray(end)])
}
