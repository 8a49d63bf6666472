/** Reads a request body from uWebSockets.js into memory of our own, up to a limit. Does not parse it. */
import type { UwsResponse } from '../uws/uws.ts'
import { bodyMemory, copyInto, keepBody } from './body-memory.ts'

/** Memory that is allocated at first, if the body is not smaller. What is allocated next is large enough for all of it. */
const FIRST_BYTES = 262_144

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

/** Copies each byte once, except for the first `FIRST_BYTES` of a larger body. */
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

/** Large memory takes none before it is written, so it may be as large as the body can become. */
function withRoom(collected: Buffer | undefined, needed: number, reader: BodyReader): Buffer {
  if (collected !== undefined && needed <= collected.length) return collected
  const { contentLength, limitBytes } = reader
  const bytes = contentLength < 0 ? limitBytes : Math.min(contentLength, limitBytes)
  if (needed <= FIRST_BYTES && collected === undefined)
    return bodyMemory(Math.max(needed, Math.min(bytes, FIRST_BYTES)))
  const whole = bodyMemory(Math.max(needed, bytes))
  if (collected !== undefined) copyInto(whole, 0, collected)
  return whole
}
