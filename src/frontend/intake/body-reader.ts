/** Reads a request body off uWebSockets.js into memory of our own, up to a limit. Does not look into it. */
import type { UwsResponse } from '../uws/uws.ts'
import { bodyMemory, copyInto, keepBody } from './body-memory.ts'

/** Memory taken at once on the word of a content-length header alone. */
const TRUSTED_BYTES = 16 * 1024 * 1024

export interface BodyReader {
  /** -1 when unknown. */
  readonly contentLength: number
  readonly limitBytes: number
  /** The whole body; the callee may keep it. */
  readonly onBody: (body: Uint8Array) => void
  /** Called once, in place of `onBody`; what still comes is dropped. */
  readonly onTooLarge: () => void
  /** More of the body has come, and more is to come; `length`: of all that has. */
  readonly onPart: (length: number) => void
}

export interface Upload {
  /** What still comes is dropped; the reader hears nothing more. */
  stop(): void
}

/** Each byte is copied once, a body of unknown length aside. */
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
  if (collected === undefined) {
    const expected = Math.min(reader.contentLength, TRUSTED_BYTES, reader.limitBytes)
    return bodyMemory(Math.max(expected, needed))
  }
  if (needed <= collected.length) return collected
  const grown = bodyMemory(Math.min(reader.limitBytes, Math.max(needed, 2 * collected.length)))
  copyInto(grown, 0, collected)
  return grown
}
