/** Reads a request body from uWebSockets.js into memory of our own, up to a limit. Does not parse it. */
import type { UwsResponse } from '../uws/uws.ts'
import { bodyMemory, copyInto, keepBody } from './body-memory.ts'

/** Upper bound on the memory that is allocated on the strength of a `Content-Length` header alone. */
const TRUSTED_BYTES = 1024 * 1024

export interface BodyReader {
  /** -1 if unknown. */
  readonly contentLength: number
  readonly limitBytes: number
  /** The body is complete; the callee may keep it. */
  readonly onBody: (body: Uint8Array) => void
  /** Called once instead of `onBody`; the rest of the body is dropped. */
  readonly onTooLarge: () => void
  /** Another part has been received, but not the last one. `receivedBytes` counts all parts, `heldBytes` the memory for them. */
  readonly onPart: (receivedBytes: number, heldBytes: number) => void
}

export interface Upload {
  /** Drops the rest of the body. No callback follows. */
  stop(): void
}

/** Copies each byte once, except for a body of unknown length, whose memory grows by doubling. */
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
    else reader.onPart(length, collected.length)
  })
  return {
    stop: () => {
      isStopped = true
      collected = undefined
    },
  }
}

function withRoom(collected: Buffer | undefined, needed: number, reader: BodyReader): Buffer {
  if (collected === undefined) {
    const expected = Math.min(reader.contentLength, TRUSTED_BYTES, reader.limitBytes)
    return bodyMemory(Math.max(expected, needed))
  }
  if (needed <= collected.length) return collected
  const grown = bodyMemory(Math.min(reader.limitBytes, Math.max(needed, 2 * collected.length)))
  copyInto(grown, 0, collected)
  return grown
}
