/**
 * Builds the request body for the engines: the client's bytes, with the gateway's members inserted before the closing
 * brace. Hot path: usually one allocation, no parsing and no serialization.
 *
 * All other bytes stay exactly as they are: unknown fields, big integers, duplicate keys, white space, escapes.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import type { RequestFields } from './fields.ts'

/** The members to insert; undefined ones are left out. For a batch each is a list with one element per prompt. */
export interface Injection {
  readonly rid: string | readonly string[]
  readonly bootstrapHost?: string | readonly string[]
  readonly bootstrapPort?: number | readonly number[]
  /** From 1 to 2^53 - 1; see `newRoom`. */
  readonly bootstrapRoom?: number | readonly number[]
}

export interface BodyOptions {
  /** Replaces every `n` by 1, because the gateway sends one request per sample. */
  readonly singleSample: boolean
}

const NO_BYTES = Buffer.alloc(0)
const ONE = Buffer.from('1')

/** Returns a new buffer. `fields` must have been read from the same `body`. */
export function buildBody(
  body: Uint8Array,
  fields: RequestFields,
  injection: Injection,
  options: BodyOptions,
): Buffer {
  const source = asBuffer(body)
  const members = membersText(injection, fields.isOtherwiseEmpty)
  const hasOtherEdits = fields.cuts.length > 0 || (options.singleSample && fields.nRanges.length > 0)
  if (hasOtherEdits) return edited(source, fields, members, options)

  const membersBytes = Buffer.byteLength(members)
  const out = Buffer.allocUnsafe(source.length + membersBytes)
  source.copy(out, 0, 0, fields.insertAt)
  out.write(members, fields.insertAt)
  source.copy(out, fields.insertAt + membersBytes, fields.insertAt)
  return out
}

function edited(source: Buffer, fields: RequestFields, members: string, options: BodyOptions): Buffer {
  const edits: Edit[] = fields.cuts.map(cut => ({ start: cut.start, end: cut.end, replacement: NO_BYTES }))
  if (options.singleSample) {
    for (const range of fields.nRanges) edits.push({ start: range.start, end: range.end, replacement: ONE })
  }
  edits.push({ start: fields.insertAt, end: fields.insertAt, replacement: Buffer.from(members) })
  return applyEdits(source, edits)
}

function membersText(injection: Injection, isFirst: boolean): string {
  const { rid, bootstrapHost, bootstrapPort, bootstrapRoom } = injection
  let text = `${isFirst ? '' : ','}"rid":${JSON.stringify(rid)}`
  if (bootstrapHost !== undefined) text += `,"bootstrap_host":${JSON.stringify(bootstrapHost)}`
  if (bootstrapPort !== undefined) text += `,"bootstrap_port":${JSON.stringify(bootstrapPort)}`
  if (bootstrapRoom !== undefined) text += `,"bootstrap_room":${JSON.stringify(bootstrapRoom)}`
  return text
}
