/**
 * What the gateway must know of a generation request, read from the client's bytes. Hot path: a body above 2 KiB is
 * scanned, not parsed; what lies deeper is judged by the engine.
 *
 * Nothing is changed here; `upstream/body.ts` makes the engine's body with the ranges found.
 */
import { isUtf8 } from 'node:buffer'
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { asBuffer } from '../json/bytes.ts'
import { locateSyntaxError } from '../json/locate-syntax-error.ts'
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
  /** Samples for each prompt, 1 or more. */
  readonly n: number
  /** Value ranges of every `n` that was counted. */
  readonly nRanges: readonly Range[]
  /** Prompts in a list of prompts, also when it is 1; `undefined` for a single prompt. */
  readonly batchSize: number | undefined
  readonly clientRid: string | readonly string[] | undefined
  readonly model: string | undefined
  /**
   * Logprobs that only prefill has. `native`: `/generate`, of the prompt or of named tokens at the first token;
   * `echo`: `/v1/completions`, of an echoed prompt.
   */
  readonly prefillLogprobs: 'native' | 'echo' | undefined
  /** `stream_options.include_usage` is true. */
  readonly includesUsage: boolean
  /** Tokens of a prompt given as token ids, the longest of a batch. Reads the list at each call. */
  readonly countPromptTokens: () => number | undefined
  /** What to leave out so that no member of ours is sent by the client, commas included. In order. */
  readonly cuts: readonly Range[]
  /** Position of the closing brace. */
  readonly insertAt: number
  /** Nothing is left but for the cuts: no comma before the first member put in. */
  readonly isOtherwiseEmpty: boolean
}

/** Up to this size JSON.parse costs no more than the scan, and checks all. */
const PARSED_BYTES = 2048

/** Members that belong to the gateway: a client's own would break the hand-over between the engines. */
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

/** @throws {GatewayError} `invalid-json`, saying what was expected where; `invalid-request` without any prompt */
export function readFields(endpoint: GenerationEndpoint, body: Uint8Array): RequestFields {
  const bytes = asBuffer(body)
  if (bytes.length === 0) throw new GatewayError('invalid-json', 'The request body is empty')
  if (!isUtf8(bytes)) throw new GatewayError('invalid-json', 'The request body is not valid UTF-8')
  try {
    const object = scanBody(bytes)
    return fieldsOf(endpoint, bytes, object)
  } catch (fault) {
    if (fault instanceof JsonSyntaxError) throw invalidJson(bytes, fault)
    throw fault
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
    // The parser's own message does not always say where.
    const fault = locateSyntaxError(bytes)
    if (fault !== undefined) throw fault
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('invalid-json', `The request body is not valid JSON: ${message}`, { cause })
  }
}

function invalidJson(bytes: Buffer, fault: JsonSyntaxError): GatewayError {
  const before = bytes.subarray(0, fault.position)
  const lineStart = before.lastIndexOf(0x0a) + 1
  let line = 1
  for (let at = before.indexOf(0x0a); at >= 0; at = before.indexOf(0x0a, at + 1)) line++
  const column = before.toString('utf8', lineStart).length + 1
  const where = `line ${line}, column ${column} (byte ${fault.position})`
  return new GatewayError('invalid-json', `The request body is not valid JSON: ${fault.message}, ${where}`, {
    cause: fault,
  })
}

function fieldsOf(endpoint: GenerationEndpoint, bytes: Buffer, object: ScannedObject): RequestFields {
  const { members } = object
  const sampling = readSampling(endpoint, bytes, members)
  const prompt = promptShape(endpoint, bytes, members)
  // Some engines answer such a request with an empty list, others never.
  if (prompt.batchSize === 0) throw new GatewayError('invalid-request', 'The list of prompts is empty.')
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
    // A getter here would make V8 give each of these objects a shape of its own, which only a full collection frees.
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
      // A chat's logprobs are of the answer alone.
      return undefined
  }
}

function wantsEchoLogprobs(members: readonly Member[]): boolean {
  return lastMember(members, 'echo')?.kind === 'true' && lastMember(members, 'logprobs')?.kind === 'number'
}

function wantsNativeLogprobs(bytes: Buffer, members: readonly Member[]): boolean {
  const asked = lastMember(members, 'return_logprob')
  if (!anyValue(bytes, asked, text => text === 'true')) return false
  const start = lastMember(members, 'logprob_start_len')
  return (
    lastMember(members, 'token_ids_logprob')?.kind === 'array' ||
    anyValue(bytes, start, text => Number(text) >= 0)
  )
}

/** Whether the value, or one of its elements when it is a list, is a number or boolean that passes the test. */
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
      // The comma before the next kept member goes with what was before it.
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
