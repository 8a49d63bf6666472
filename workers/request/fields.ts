/**
 * Reads from the client's bytes what the gateway must know about a generation request. Hot path: a body over 2 KiB is
 * scanned, not parsed; errors below the top level are left to the engine.
 *
 * Changes nothing: `engine-body.ts` builds the engine's body from the ranges found here.
 */
import { isUtf8 } from 'node:buffer'
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { asBuffer, BYTE } from '../json/bytes.ts'
import { lastMember, stringAt, textAt } from '../json/members.ts'
import {
  JsonSyntaxError,
  type Member,
  type Range,
  type ScannedObject,
  scanArray,
  scanObject,
} from '../json/scan.ts'
import { skipSpace } from '../json/skip.ts'
import { promptShape } from './prompt-shape.ts'
import { readSampling } from './sample-count.ts'

export interface RequestFields {
  readonly isStream: boolean
  /** Samples per prompt, 1 or more. */
  readonly n: number
  /** The value of every `n` that contributes to `n`. */
  readonly nRanges: readonly Range[]
  /** Number of prompts if the request has a list of prompts, even a list of one; `undefined` for a single prompt. */
  readonly batchSize: number | undefined
  readonly clientRid: string | readonly string[] | undefined
  readonly model: string | undefined
  /**
   * Whether the request asks for logprobs that only prefill has. `native`: a `/generate` request, for the prompt or for
   * named tokens at the first output token. `echo`: a `/v1/completions` request, for an echoed prompt.
   */
  readonly prefillLogprobs: 'native' | 'echo' | undefined
  /** Whether `stream_options.include_usage` is true. */
  readonly includesUsage: boolean
  /** Length in tokens of the longest prompt given as token ids, if any. Reads the body on every call. */
  readonly countPromptTokens: () => number | undefined
  /** Ranges to remove, in ascending order and with their commas, so that the client sets no member of the gateway's. */
  readonly cuts: readonly Range[]
  /** Position of the closing brace, where members are inserted. */
  readonly insertAt: number
  /** Whether no member remains after the cuts, so that the first inserted member needs no comma. */
  readonly isOtherwiseEmpty: boolean
}

/** Some editors put it before UTF-8. JSON must not begin with it (RFC 8259 section 8.1), and engines refuse it. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Up to this size JSON.parse costs no more than the scan and validates the whole body. */
const PARSED_BYTES = 2048

/** Members that only the gateway may set: values from a client would break the KV transfer between the engines. */
const OWNED: ReadonlySet<string> = new Set([
  'rid',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
  'bootstrap_pair_key',
  'routed_dp_rank',
  'disagg_prefill_dp_rank',
  'data_parallel_rank',
])

/** @throws {GatewayError} `invalid-json`, with what was expected and where; `invalid-request` for an empty list of prompts */
export function readFields(endpoint: GenerationEndpoint, body: Uint8Array): RequestFields {
  const bytes = asBuffer(body)
  if (bytes.length === 0) throw new GatewayError('invalid-json', 'The request body is empty')
  if (!isUtf8(bytes)) throw new GatewayError('invalid-json', 'The request body is not valid UTF-8')
  try {
    const object = scanBody(bytes)
    return fieldsOf(endpoint, bytes, object)
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw invalidJson(bytes, error)
    throw error
  }
}

function scanBody(bytes: Buffer): ScannedObject {
  const object = scanObject(bytes, 0)
  const after = skipSpace(bytes, object.end)
  if (after !== bytes.length) throw new JsonSyntaxError(after, 'expected nothing after the object')
  if (bytes.length <= PARSED_BYTES) parseFully(bytes)
  return object
}

function parseFully(bytes: Buffer): void {
  try {
    JSON.parse(bytes.toString())
  } catch (cause) {
    // V8 names the position, or quotes the text around the error and adds that it is no JSON.
    const message = cause instanceof Error ? cause.message.replace(/ is not valid JSON$/, '') : String(cause)
    throw new GatewayError('invalid-json', `The request body is not valid JSON: ${message}`, { cause })
  }
}

function invalidJson(bytes: Buffer, cause: JsonSyntaxError): GatewayError {
  if (bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) {
    const message = 'it starts with a byte order mark (EF BB BF); send UTF-8 without one'
    return new GatewayError('invalid-json', `The request body is not valid JSON: ${message}`, { cause })
  }
  const before = bytes.subarray(0, cause.position)
  const lineStart = before.lastIndexOf(BYTE.lf) + 1
  let line = 1
  for (let end = before.indexOf(BYTE.lf); end >= 0; end = before.indexOf(BYTE.lf, end + 1)) line++
  const column = before.toString('utf8', lineStart).length + 1
  const message = `${cause.message} at line ${line}, column ${column} (byte ${cause.position})`
  return new GatewayError('invalid-json', `The request body is not valid JSON: ${message}`, { cause })
}

function fieldsOf(endpoint: GenerationEndpoint, bytes: Buffer, object: ScannedObject): RequestFields {
  const { members } = object
  const sampling = readSampling(endpoint, bytes, members)
  const prompt = promptShape(endpoint, bytes, members)
  // Some engines respond to such a request with an empty list, others not at all.
  if (prompt.batchSize === 0) throw new GatewayError('invalid-request', 'The list of prompts is empty')
  const insertAt = object.end - 1
  return {
    isStream: lastMember(members, 'stream')?.kind === 'true',
    n: sampling.n,
    nRanges: sampling.ranges,
    batchSize: prompt.batchSize,
    clientRid: clientRid(bytes, lastMember(members, 'rid')),
    model: stringAt(bytes, lastMember(members, 'model')),
    prefillLogprobs: prefillLogprobs(endpoint, bytes, members),
    includesUsage: includesUsage(bytes, lastMember(members, 'stream_options')),
    // Not a getter: V8 would give each of these objects its own shape, which only a full collection frees.
    countPromptTokens: prompt.countTokens,
    cuts: members.some(isOwned) ? cutsOf(members) : NO_CUTS,
    insertAt,
    isOtherwiseEmpty: members.every(isOwned),
  }
}

const NO_CUTS: readonly Range[] = []

function isOwned({ key }: Member): boolean {
  return OWNED.has(key)
}

function clientRid(bytes: Buffer, member: Member | undefined): string | readonly string[] | undefined {
  if (member?.kind !== 'array') return stringAt(bytes, member)
  const rids: string[] = []
  for (const element of scanArray(bytes, member.valueStart).elements) {
    const rid = stringAt(bytes, { kind: element.kind, valueStart: element.start, valueEnd: element.end })
    if (rid === undefined) return undefined
    rids.push(rid)
  }
  return rids
}

function prefillLogprobs(
  endpoint: GenerationEndpoint,
  bytes: Buffer,
  members: readonly Member[],
): RequestFields['prefillLogprobs'] {
  switch (endpoint) {
    case 'generate':
      return wantsNativeLogprobs(bytes, members) ? 'native' : undefined
    case 'completions':
      return wantsEchoLogprobs(members) ? 'echo' : undefined
    case 'chat':
      // Chat logprobs cover the output only.
      return undefined
  }
}

function wantsEchoLogprobs(members: readonly Member[]): boolean {
  return lastMember(members, 'echo')?.kind === 'true' && lastMember(members, 'logprobs')?.kind === 'number'
}

function wantsNativeLogprobs(bytes: Buffer, members: readonly Member[]): boolean {
  const requested = lastMember(members, 'return_logprob')
  if (!anyValue(bytes, requested, text => text === 'true')) return false
  const start = lastMember(members, 'logprob_start_len')
  return (
    lastMember(members, 'token_ids_logprob')?.kind === 'array' ||
    anyValue(bytes, start, text => Number(text) >= 0)
  )
}

/** Whether the value, or an element if it is a list, is a number or `true` and passes the test. */
function anyValue(bytes: Buffer, member: Member | undefined, passes: (text: string) => boolean): boolean {
  if (member === undefined) return false
  const values =
    member.kind === 'array'
      ? scanArray(bytes, member.valueStart).elements
      : [{ kind: member.kind, start: member.valueStart, end: member.valueEnd }]
  return values.some(
    value => (value.kind === 'number' || value.kind === 'true') && passes(textAt(bytes, value)),
  )
}

function includesUsage(bytes: Buffer, options: Member | undefined): boolean {
  if (options?.kind !== 'object') return false
  const { members } = scanObject(bytes, options.valueStart)
  return lastMember(members, 'include_usage')?.kind === 'true'
}

function cutsOf(members: readonly Member[]): Range[] {
  const cuts: Range[] = []
  let kept: Member | undefined
  let cutStart: number | undefined
  for (const member of members) {
    if (isOwned(member)) {
      cutStart ??= member.memberStart
    } else {
      // The cut ends before the next kept member, so it includes the comma.
      if (cutStart !== undefined) cuts.push({ start: cutStart, end: member.memberStart })
      cutStart = undefined
      kept = member
    }
  }
  const last = members.at(-1)
  if (cutStart !== undefined && last !== undefined) {
    cuts.push({ start: kept?.memberEnd ?? cutStart, end: last.memberEnd })
  }
  return cuts
}
