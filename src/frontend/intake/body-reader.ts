/** Reads a request body from uWebSockets.js into memory of our own, up to a limit. Does not parse it. */
import type { UwsResponse } from '../uws/uws.ts'
import { bodyMemory, copyInto, keepBody } from './body-memory.ts'

/**
 * Up to here memory is allocated for a multiple of what has been received, and at least `MIN_BYTES`: a client that only
 * announces a large body must not make us hold it. Memory shared with other threads is not counted by V8's collector, so
 * it stays for long after it was given up. What is allocated beyond is large enough for the whole body, because pages of
 * a mapping take no memory before they are written.
 */
const FIRST_BYTES = 262_144
const MIN_BYTES = 4096
const GROWTH = 4

export interface BodyReader {
  /** -1 if unknown. */
  readonly contentLength: number
  readonly limitBytes: number
  /** The body is complete; the callee may keep it. */
  readonly onBody: (body: Uint8Array) => void
  /** Called once instead of `onBody`; the rest of the body is dropped. */
  readonly onTooLarge: () => void
  /** Another part has been received, but not the last one. `receivedBytes` counts all parts. */
  readonly onPart: (receivedBytes: number) => void
}

export interface Upload {
  /** Drops the rest of the body. No callback follows. */
  stop(): void
}

/** Copies each byte once, except for the first `FIRST_BYTES` of a body in parts. */
export function readBody(res: UwsResponse, reader: BodyReader): Upload {
  let collected: Buffer | undefined
  let length = 0
  let isStopped = false
  res.onData((lent, isLast) => {
    if (isStopped) return
    const piece = new Uint8Array(lent)
    if (length + piece.length > reader.limitBytes) {
      isStopped = true
      collected = undefined
      reader.onTooLarge()
      return
    }
    if (isLast && collected === undefined) {
      reader.onBody(keepBody(piece))
      return
    }
    collected = withRoom(collected, length + piece.length, reader)
    copyInto(collected, length, piece)
    length += piece.length
    if (isLast) reader.onBody(collected.subarray(0, length))
    else reader.onPart(length)
  })
  return {
    stop: () => {
      isStopped = true
      collected = undefined
    },
  }
}

function withRoom(collected: Buffer | undefined, needed: number, reader: BodyReader): Buffer {
  if (collected !== undefined && needed <= collected.length) return collected
  const grown = bodyMemory(roomBytes(needed, reader))
  if (collected !== undefined) copyInto(grown, 0, collected)
  return grown
}

/** Bytes to allocate for a body of which `needed` bytes have been received. */
export function roomBytes(
  needed: number,
  { contentLength, limitBytes }: Pick<BodyReader, 'contentLength' | 'limitBytes'>,
): number {
  const announced = contentLength < 0 ? limitBytes : Math.min(contentLength, limitBytes)
  if (needed > FIRST_BYTES) return Math.max(needed, announced)
  return Math.max(needed, Math.min(announced, FIRST_BYTES, Math.max(MIN_BYTES, GROWTH * needed)))
}
