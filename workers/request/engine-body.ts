/**
 * Builds the request body for the engines: the client's bytes, with the gateway's members inserted before the closing
 * brace. Hot path: usually one allocation, no parsing and no serialization.
 *
 * All other bytes stay exactly as they are: unknown fields, big integers, duplicate keys, white space, escapes. A large
 * body is not copied: it is a list of views of the client's bytes, which all attempts and samples of a request share.
 */
import { asBuffer } from '../json/bytes.ts'
import { type Edit, piecesOf } from '../json/edit.ts'
import type { Range } from '../json/scan.ts'
import type { RequestFields } from './fields.ts'

/** The members to insert; undefined ones are left out. */
export interface Injection {
  readonly rid: string
  readonly bootstrapHost?: string
  readonly bootstrapPort?: number
  /** From 1 to 2^53 - 1; see `newRoom`. */
  readonly bootstrapRoom?: number
  /** Data-parallel rank of prefill. */
  readonly prefillRank?: number
  /** Data-parallel rank on which the engine runs the request, and the member by which it takes that. */
  readonly rank?: number
  readonly rankField?: string
}

/** A body in one piece, or in several that follow each other. */
export type EngineBody = Uint8Array | readonly Uint8Array[]

const NO_BYTES = Buffer.alloc(0)
/** Below this size a copy costs less than writing several pieces. */
const SHARED_BYTES = 64 * 1024

/** `fields` must have been read from the same `body`. `edits`: further changes, which must not overlap its cuts. */
export function buildBody(
  body: Uint8Array,
  fields: RequestFields,
  injection: Injection,
  edits: readonly Edit[],
): EngineBody {
  const source = asBuffer(body)
  const { remainder, ranklessRemainder = remainder, insertAt, ridKey } = fields
  const { cuts, isOtherwiseEmpty } = injection.rankField === undefined ? remainder : ranklessRemainder
  const text = membersText(injection, ridKey)
  const members = isOtherwiseEmpty ? text.slice(1) : text
  if (source.length >= SHARED_BYTES || cuts.length > 0 || edits.length > 0)
    return edited(source, [...cuts.map(without), ...edits, insertion(insertAt, members)])

  const membersBytes = Buffer.byteLength(members)
  const out = Buffer.allocUnsafe(source.length + membersBytes)
  source.copy(out, 0, 0, insertAt)
  out.write(members, insertAt)
  source.copy(out, insertAt + membersBytes, insertAt)
  return out
}

function edited(source: Buffer, edits: readonly Edit[]): EngineBody {
  const pieces = piecesOf(source, edits)
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return bytes < SHARED_BYTES ? Buffer.concat(pieces, bytes) : pieces
}

function without({ start, end }: Range): Edit {
  return { start, end, replacement: NO_BYTES }
}

function insertion(at: number, members: string): Edit {
  return { start: at, end: at, replacement: Buffer.from(members) }
}

/** Begins with a comma. */
function membersText(injection: Injection, ridKey: RequestFields['ridKey']): string {
  const { rid, bootstrapHost, bootstrapPort, bootstrapRoom, prefillRank, rank, rankField } = injection
  let text = ridKey === undefined ? '' : `,"${ridKey}":${JSON.stringify(rid)}`
  if (bootstrapHost !== undefined) text += `,"bootstrap_host":${JSON.stringify(bootstrapHost)}`
  if (bootstrapPort !== undefined) text += `,"bootstrap_port":${bootstrapPort}`
  if (bootstrapRoom !== undefined) text += `,"bootstrap_room":${bootstrapRoom}`
  if (prefillRank !== undefined) text += `,"disagg_prefill_dp_rank":${prefillRank}`
  if (rankField !== undefined) text += `,"${rankField}":${rank}`
  return text
}
