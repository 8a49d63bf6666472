/**
 * Reads from the client's bytes what the gateway must know about a generation request. Hot path: a body over 2 KiB is
 * scanned, not parsed; errors below the top level are left to the engine.
 *
 * Changes nothing: `engine-body.ts` builds the engine's body from the ranges found here.
 */
import { isUtf8 } from 'node:buffer'
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { ENDPOINT_TRAITS, type EndpointTraits } from '../dialects/endpoint-traits.ts'
import { asBuffer, BYTE } from '../json/bytes.ts'
import { JsonLimitError, JsonSyntaxError } from '../json/errors.ts'
import { firstTextAt, type MemberPath } from '../json/member-path.ts'
import { lastMember, stringAt } from '../json/members.ts'
import { type Member, type ScannedObject, scanObject } from '../json/scan.ts'
import { withScanLimit } from '../json/scan-context.ts'
import { skipSpace } from '../json/skip.ts'
import { type Ownership, type Remainder, remainderOf } from './owned-members.ts'
import { elementsOf, hasElements } from './per-prompt-lists.ts'
import { namesOwnRank, type RankFields, readRankFields } from './pinned-ranks.ts'
import { hasPromptLogprobs, readPrefillLogprobs } from './prefill-logprobs.ts'
import { promptBytes, type RequestPrompt } from './prompt-bytes.ts'
import type { PromptLengths } from './prompt-lengths.ts'
import { type Prompts, readPrompts } from './prompts.ts'
import { readSampling, type Sampling } from './sampling.ts'
import { checkStateless } from './stateless.ts'
import { isTrue } from './strict-values.ts'

export interface RequestFields {
  readonly isStream: boolean
  /** Samples per prompt, 1 or more. */
  readonly n: number
  readonly sampling: Sampling
  /** The lists of a request with several prompts, even if it is a list of one; `undefined` for a single prompt. */
  readonly batch: Prompts['batch']
  /** The member by which engines take the name of the request, if they do. */
  readonly ridKey: EndpointTraits['ridKey']
  /** The client's name for the request, or one for each prompt. */
  readonly clientRid: string | readonly string[] | undefined
  readonly model: string | undefined
  /**
   * Whether the request asks for logprobs that only prefill has. `native`: a `/generate` request, for the prompt or for
   * named tokens at the first output token. `echo`: a `/v1/completions` request, for an echoed prompt.
   */
  readonly prefillLogprobs: 'native' | 'echo' | undefined
  /** Whether engines compute what they have cached of the prompt again, because its logprobs are asked for. */
  readonly recomputesPrompt: boolean
  /** Whether an engine may send the events of the stream only at its end. */
  readonly mayHoldBack: boolean
  /** Whether `stream_options.include_usage` is true. */
  readonly includesUsage: boolean
  /** `undefined` if the body names no data-parallel rank. */
  readonly ranks: RankFields | undefined
  /** The lengths of prompts given as token ids, which are counted when they are asked for. */
  readonly promptLengths: PromptLengths
  /** Where the prompt is; `undefined` if that is not wanted. */
  readonly prompt: RequestPrompt | undefined
  /** The routing key in the body; `undefined` if there is none, or if it is not wanted. */
  readonly routingKey: string | undefined
  /** The body without the members that only the gateway sets. */
  readonly remainder: Remainder
  /** The same for an engine to which the gateway names the rank; `undefined` if that makes no difference. */
  readonly ranklessRemainder: Remainder | undefined
  /** Position of the closing brace, where members are inserted. */
  readonly insertAt: number
}

/** Some editors put it before UTF-8. JSON must not begin with it (RFC 8259 section 8.1), and engines refuse it. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
/** Bounds of what is read from one body. More is refused, because each member and each element costs memory. */
export interface FieldLimits {
  /** Members of one object. */
  readonly members: number
  /** Prompts of one request. */
  readonly prompts: number
  /** Bytes that are examined one by one; see `withScanLimit`. */
  readonly scanBytes: number
  /** Of the model and of a rid. */
  readonly nameBytes: number
}

/** What is read of a body besides what the gateway always needs. */
export interface FieldOptions extends FieldLimits {
  /** Whether the body goes to pairs, whose engines get a rank each; not unless this is true. */
  readonly isForPairs?: boolean
  /** Whether to find the prompt. It is found unless this is false. */
  readonly wantsPrompt?: boolean
  /** Members that may have the routing key, the most important first, if it is wanted. */
  readonly keyPaths?: readonly MemberPath[] | undefined
}

const NO_LIMITS: FieldOptions = {
  members: Infinity,
  prompts: Infinity,
  scanBytes: Infinity,
  nameBytes: Infinity,
}

/** Up to this size JSON.parse costs no more than the scan and validates the whole body. */
const PARSED_BYTES = 2048

/**
 * `isUtf8Known`: whether the encoding has been checked before.
 *
 * @throws {GatewayError} `invalid-json`, with what was expected and where; `invalid-request` for a field that engines may
 * read in another way than the gateway, or that exceeds a limit
 */
export function readFields(
  endpoint: GenerationEndpoint,
  body: Uint8Array,
  options: FieldOptions = NO_LIMITS,
  isUtf8Known = false,
): RequestFields {
  const bytes = asBuffer(body)
  if (bytes.length === 0) throw new GatewayError('invalid-json', 'The request body is empty')
  if (!isUtf8Known && !isUtf8(bytes)) throw notUtf8()
  try {
    const read = (): RequestFields => fieldsOf(endpoint, bytes, scanBody(bytes, options), options)
    return bytes.length <= options.scanBytes ? read() : withScanLimit(options.scanBytes, read)
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw invalidJson(bytes, error)
    if (error instanceof JsonLimitError)
      throw new GatewayError('invalid-request', `The request body cannot be read: ${error.message}`)
    throw error
  }
}

export function notUtf8(): GatewayError {
  return new GatewayError('invalid-json', 'The request body is not valid UTF-8')
}

function scanBody(bytes: Buffer, { members }: FieldLimits): ScannedObject {
  const object = scanObject(bytes, 0, members)
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

/** Line and column are counted up to this position only, because the lines before it must be searched. */
const LINE_SEARCH_BYTES = 65_536

function invalidJson(bytes: Buffer, cause: JsonSyntaxError): GatewayError {
  if (bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) {
    const message = 'it starts with a byte order mark (EF BB BF); send UTF-8 without one'
    return new GatewayError('invalid-json', `The request body is not valid JSON: ${message}`, { cause })
  }
  const where = cause.position > LINE_SEARCH_BYTES ? `byte ${cause.position}` : lineOf(bytes, cause.position)
  const first = bytes[cause.position]
  const isOther = first !== undefined && first !== BYTE.openBrace && cause.position === skipSpace(bytes, 0)
  const message = isOther
    ? `The request body must be a JSON object, but something else begins at ${where}`
    : `The request body is not valid JSON: ${cause.message} at ${where}`
  return new GatewayError('invalid-json', message, { cause })
}

function lineOf(bytes: Buffer, position: number): string {
  const before = bytes.subarray(0, position)
  const lineStart = before.lastIndexOf(BYTE.lf) + 1
  let line = 1
  for (let end = before.indexOf(BYTE.lf); end >= 0; end = before.indexOf(BYTE.lf, end + 1)) line++
  const column = before.toString('utf8', lineStart).length + 1
  return `line ${line}, column ${column} (byte ${position})`
}

function fieldsOf(
  endpoint: GenerationEndpoint,
  bytes: Buffer,
  { members, end }: ScannedObject,
  limits: FieldOptions,
): RequestFields {
  const traits = ENDPOINT_TRAITS[endpoint]
  const isForPairs = limits.isForPairs === true
  const remainder = (ownership: Ownership): Remainder => remainderOf(members, traits.ridKey, ownership)
  const sampling = readSampling(endpoint, bytes, members, limits)
  const { batch, lengths } = readPrompts(traits.promptKeys, bytes, members, limits.prompts)
  if (endpoint === 'responses') checkStateless(members)
  const prefillLogprobs = readPrefillLogprobs(endpoint, bytes, members, limits.prompts)
  return {
    isStream: isTrue(lastMember(members, 'stream')),
    n: sampling.n,
    sampling,
    batch,
    ridKey: traits.ridKey,
    clientRid: clientRid(bytes, memberOf(members, traits.ridKey), batch?.size, limits.nameBytes),
    model: nameAt(bytes, lastMember(members, 'model'), limits.nameBytes),
    prefillLogprobs,
    recomputesPrompt: prefillLogprobs !== undefined || hasPromptLogprobs(members),
    mayHoldBack: traits.holdsBackForTools && hasElements(bytes, lastMember(members, 'tools')),
    includesUsage: includesUsage(bytes, lastMember(members, 'stream_options'), limits.members),
    ranks: readRankFields(bytes, members),
    promptLengths: lengths,
    prompt: limits.wantsPrompt === false ? undefined : promptBytes(endpoint, bytes, members),
    routingKey: limits.keyPaths && firstTextAt(bytes, members, limits.keyPaths, limits),
    remainder: remainder(isForPairs ? 'in-pairs' : 'without-ranks'),
    ranklessRemainder: !isForPairs && namesOwnRank(members) ? remainder('with-rank') : undefined,
    insertAt: end - 1,
  }
}

function memberOf(members: readonly Member[], key: EndpointTraits['ridKey']): Member | undefined {
  return key === undefined ? undefined : lastMember(members, key)
}

function clientRid(
  bytes: Buffer,
  member: Member | undefined,
  prompts: number | undefined,
  maxBytes: number,
): RequestFields['clientRid'] {
  if (member?.kind !== 'array') return nameAt(bytes, member, maxBytes)
  if (prompts === undefined) return undefined
  const elements = elementsOf(bytes, member, prompts)
  const rids = elements.map(({ kind, start, end }) =>
    nameAt(bytes, { key: member.key, kind, valueStart: start, valueEnd: end }, maxBytes),
  )
  if (rids.every(rid => rid !== undefined) && new Set(rids).size === prompts) return rids
  throw new GatewayError('invalid-request', 'The list rid must hold strings that differ from each other')
}

function nameAt(
  bytes: Buffer,
  member: Pick<Member, 'key' | 'kind' | 'valueStart' | 'valueEnd'> | undefined,
  maxBytes: number,
): string | undefined {
  if (member?.kind === 'string' && member.valueEnd - member.valueStart - 2 > maxBytes)
    throw new GatewayError('invalid-request', `The field ${member.key} is longer than ${maxBytes} bytes`)
  return stringAt(bytes, member)
}

function includesUsage(bytes: Buffer, options: Member | undefined, maxMembers: number): boolean {
  if (options?.kind !== 'object') return false
  const { members } = scanObject(bytes, options.valueStart, maxMembers)
  return isTrue(lastMember(members, 'include_usage'))
}
