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
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const COLON = 0x3a
const ZERO = 0x30
const NINE = 0x39
const LOWER_CASE = 0x20
const C = 0x63
const STATUS_LINE = /^HTTP\/1\.\d 1(?!01)\d\d[ \r]/
const NAME_LENGTH = 'content-length'.length
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
    if (this.#held === undefined && isPlain(bytes)) return Buffer.from(bytes)
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

/**
 * Whether the bytes begin with a whole head of a final response that has one length at most, as nearly all have. Looks at
 * each byte of the head once and makes no text of it. False if in doubt.
 */
function isPlain(bytes: Buffer): boolean {
  if (bytes[STATUS_AT] === ONE) return false
  let lengths = 0
  for (let line = nextLine(bytes, STATUS_AT); line > 0; line = nextLine(bytes, line)) {
    if (bytes[line] === CR) return bytes[line + 1] === LF
    if (mayBeLength(bytes, line) && (++lengths > 1 || !isNumber(bytes, line + NAME_LENGTH + 1))) return false
  }
  return false
}

/** Where the next line begins; -1 if none does, or if the line end before it is not CR LF. */
function nextLine(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) if (bytes[at] === LF) return bytes[at - 1] === CR ? at + 1 : -1
  return -1
}

/** Also of other names as long that begin alike. */
function mayBeLength(bytes: Buffer, line: number): boolean {
  return ((bytes[line] ?? 0) | LOWER_CASE) === C && bytes[line + NAME_LENGTH] === COLON
}

/** Whether the value of a header is digits only. */
function isNumber(bytes: Buffer, start: number): boolean {
  let at = start
  while (bytes[at] === SPACE) at++
  for (; bytes[at] !== CR; at++) {
    const byte = bytes[at] ?? 0
    if (byte < ZERO || byte > NINE) return false
  }
  return true
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
