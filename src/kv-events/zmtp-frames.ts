/**
 * The wire format of ZMTP 3.0 without security (mechanism NULL), as far as a subscriber and a dealer need it. Pure.
 * Source: ZeroMQ RFC 23. A peer with a later version falls back to this one.
 *
 *   greeting  64 bytes: signature FF ........ 7F, version 3.0, mechanism, as-server 0, filler
 *   frame     flags (1: more frames follow, 2: long, 4: command), size in 1 byte or, if long, in 8, body
 *
 * Each side sends a greeting and the command READY, and then messages of one or more frames.
 */

/** Why a peer cannot be understood. */
export class ZmtpError extends Error {
  override readonly name = 'ZmtpError'
}

/** A message of one or more frames, or a command. */
export type ZmtpItem =
  | { readonly kind: 'message'; readonly frames: readonly Buffer[] }
  | { readonly kind: 'command'; readonly name: string; readonly body: Buffer }

const GREETING_BYTES = 64
const SIGNATURE_END = 9
const MECHANISM = { start: 12, end: 32, name: 'NULL' } as const
const FLAG = { more: 1, long: 2, command: 4 } as const
const MAX_FRAMES = 16
const SHORT_HEAD = 2
const LONG_HEAD = 9
const MAX_SHORT_BODY = 255

export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES)
  bytes[0] = 0xff
  bytes[SIGNATURE_END] = 0x7f
  bytes[SIGNATURE_END + 1] = 3
  bytes.write(MECHANISM.name, MECHANISM.start, 'latin1')
  return bytes
}

/** `type`: that of our socket. */
export function ready(type: 'SUB' | 'DEALER'): Buffer {
  return frame(
    Buffer.concat([named('READY'), named('Socket-Type'), Buffer.from([0, 0, 0, type.length]), latin1(type)]),
    FLAG.command,
  )
}

export function pong(context: Buffer): Buffer {
  return frame(Buffer.concat([named('PONG'), context]), FLAG.command)
}

/** Asks for the messages whose first frame begins with `topic`; an empty one asks for all. */
export function subscription(topic: string): Buffer {
  return frame(Buffer.concat([Buffer.from([1]), Buffer.from(topic)]), 0)
}

export function message(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(frames.map((body, index) => frame(body, index < frames.length - 1 ? FLAG.more : 0)))
}

function frame(body: Uint8Array, flags: number): Buffer {
  if (body.length <= MAX_SHORT_BODY) return Buffer.concat([Buffer.from([flags, body.length]), body])
  const head = Buffer.alloc(LONG_HEAD)
  head[0] = flags | FLAG.long
  head.writeBigUInt64BE(BigInt(body.length), 1)
  return Buffer.concat([head, body])
}

function named(name: string): Buffer {
  return Buffer.concat([Buffer.from([name.length]), latin1(name)])
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Cuts what a peer sends into messages and commands. The frames that it returns are views of its own memory. */
export class ZmtpReader {
  readonly #maxMessageBytes: number
  #chunks: Buffer[] = []
  #size = 0
  /** What must have come before more can be read. */
  #needed = GREETING_BYTES
  #isGreeted = false
  #frames: Buffer[] = []
  #messageBytes = 0

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** @throws {ZmtpError} if the peer does not speak ZMTP 3 without security, or if a message is too large */
  push(chunk: Buffer): ZmtpItem[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) return []
    const bytes = Buffer.concat(this.#chunks)
    const items: ZmtpItem[] = []
    let offset = 0
    for (;;) {
      const end = this.#isGreeted ? this.#frameAt(bytes, offset, items) : this.#greetingAt(bytes)
      if (end === undefined) break
      offset = end
    }
    this.#chunks = [bytes.subarray(offset)]
    this.#size = bytes.length - offset
    return items
  }

  #greetingAt(bytes: Buffer): number {
    const isZmtp = bytes[0] === 0xff && ((bytes[SIGNATURE_END] ?? 0) & 1) === 1
    if (!isZmtp || (bytes[SIGNATURE_END + 1] ?? 0) < 3)
      throw new ZmtpError('it does not speak ZMTP 3, the protocol of ZeroMQ 4')
    const mechanism = bytes.toString('latin1', MECHANISM.start, MECHANISM.end).replace(/\0+$/, '')
    if (mechanism !== MECHANISM.name)
      throw new ZmtpError(
        `it asks for the security mechanism ${mechanism}; only ${MECHANISM.name} is supported`,
      )
    this.#isGreeted = true
    return GREETING_BYTES
  }

  /** @returns where the frame ends, or `undefined` if it has not come whole. */
  #frameAt(bytes: Buffer, start: number, items: ZmtpItem[]): number | undefined {
    const flags = bytes[start] ?? 0
    const isLong = (flags & FLAG.long) !== 0
    const bodyStart = start + (isLong ? LONG_HEAD : SHORT_HEAD)
    this.#needed = bodyStart - start
    if (bytes.length < bodyStart) return undefined
    const size = isLong ? Number(bytes.readBigUInt64BE(start + 1)) : (bytes[start + 1] ?? 0)
    if (this.#messageBytes + size > this.#maxMessageBytes)
      throw new ZmtpError(`a message is larger than ${this.#maxMessageBytes} bytes`)
    this.#needed += size
    const end = bodyStart + size
    if (bytes.length < end) return undefined
    const body = bytes.subarray(bodyStart, end)
    if ((flags & FLAG.command) === 0) this.#addFrame(body, (flags & FLAG.more) !== 0, items)
    else items.push(commandOf(body))
    return end
  }

  #addFrame(body: Buffer, hasMore: boolean, items: ZmtpItem[]): void {
    this.#frames.push(body)
    this.#messageBytes += body.length
    if (this.#frames.length > MAX_FRAMES) throw new ZmtpError(`a message has more than ${MAX_FRAMES} frames`)
    if (hasMore) return
    items.push({ kind: 'message', frames: this.#frames })
    this.#frames = []
    this.#messageBytes = 0
  }
}

function commandOf(body: Buffer): ZmtpItem {
  const nameEnd = 1 + (body[0] ?? 0)
  return { kind: 'command', name: body.toString('latin1', 1, nameEnd), body: body.subarray(nameEnd) }
}
