/**
 * The body that engines get: the client's bytes with the gateway's members put in before the closing brace.
 * Hot path: in the usual case one allocation, nothing parsed, nothing re-serialised.
 *
 * Whatever the gateway does not own stays exact: unknown fields, big integers, equal keys, white space, escapes.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import type { RequestFields } from './fields.ts'

/** The gateway's members. Lists where the request is a batch; absent ones are not written. */
export interface Injection {
  readonly rid: string | readonly string[]
  readonly bootstrapHost?: string | readonly string[]
  readonly bootstrapPort?: number | readonly number[]
  /** 1 to 2^53 - 1: never 0, which engines take for "not written yet". */
  readonly bootstrapRoom?: number | readonly number[]
}

export interface BodyOptions {
  /** Every `n` becomes 1: the gateway asks for each sample by a request of its own. */
  readonly singleSample: boolean
}

const NOTHING = Buffer.alloc(0)
const ONE = Buffer.from('1')

/** A buffer of its own; `fields` must come from the same `body`. */
export function buildBody(
  body: Uint8Array,
  fields: RequestFields,
  inject: Injection,
  options: BodyOptions,
): Buffer {
  const source = asBuffer(body)
  const members = membersText(inject, fields.isOtherwiseEmpty)
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
  const edits: Edit[] = fields.cuts.map(cut => ({ start: cut.start, end: cut.end, replacement: NOTHING }))
  if (options.singleSample) {
    for (const range of fields.nRanges) edits.push({ start: range.start, end: range.end, replacement: ONE })
  }
  edits.push({ start: fields.insertAt, end: fields.insertAt, replacement: Buffer.from(members) })
  return applyEdits(source, edits)
}

function membersText(inject: Injection, isFirst: boolean): string {
  let text = `${isFirst ? '' : ','}"rid":${JSON.stringify(inject.rid)}`
  if (inject.bootstrapHost !== undefined) text += `,"bootstrap_host":${JSON.stringify(inject.bootstrapHost)}`
  if (inject.bootstrapPort !== undefined) text += `,"bootstrap_port":${JSON.stringify(inject.bootstrapPort)}`
  if (inject.bootstrapRoom !== undefined) text += `,"bootstrap_room":${JSON.stringify(inject.bootstrapRoom)}`
  return text
}
