/**
 * Reads how many samples a request asks for, and where each `n` and each seed is.
 *
 * The gateway must not pass on an `n` above 1: a PD engine sends all samples through the one bootstrap room of the prompt
 * and hangs (SGLang 2026-07, confirmed on 0.5.23).
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { ENDPOINT_TRAITS } from '../dialects/endpoint-traits.ts'
import { lastMember } from '../json/members.ts'
import { type Member, type Range, scanArray, scanObject } from '../json/scan.ts'
import { integerAt, numberAt } from './strict-values.ts'

export interface Sampling {
  /** Samples per prompt, 1 or more. */
  readonly n: number
  /** What differs between samples: one entry, or one per prompt if the request has a list of sampling parameters. */
  readonly values: readonly SampleValues[]
}

export interface SampleValues {
  /** The value of every `n`. */
  readonly n: readonly Range[]
  /** Every seed. Empty if the request asks for one sample, which keeps its seed. */
  readonly seeds: readonly Seed[]
  /** Whether the request asks for no token at all. */
  readonly isTokenless: boolean
}

export interface Seed extends Range {
  readonly value: bigint
}

const ONE: Sampling = { n: 1, values: [{ n: [], seeds: [], isTokenless: false }] }
const TOKENLESS: Sampling = { n: 1, values: [{ n: [], seeds: [], isTokenless: true }] }

/** OpenAI's name and SGLang's. */
const SEED_KEYS: ReadonlySet<string> = new Set(['seed', 'sampling_seed'])

/**
 * @throws {GatewayError} `invalid-request` if an `n`, or the seed of several samples, is not an integer, or if what bounds
 * the output is no number
 */
export function readSampling(
  endpoint: GenerationEndpoint,
  bytes: Buffer,
  members: readonly Member[],
  limits: { readonly members: number; readonly prompts: number },
): Sampling {
  if (endpoint !== 'generate') return samplingOf(endpoint, bytes, members)
  const params = lastMember(members, 'sampling_params')
  if (params?.kind === 'object')
    return samplingOf(endpoint, bytes, scanObject(bytes, params.valueStart, limits.members).members)
  if (params?.kind !== 'array') return ONE
  return samplingOfList(
    scanArray(bytes, params.valueStart, limits.prompts).elements.map(({ kind, start }) =>
      kind === 'object' ? samplingOf(endpoint, bytes, scanObject(bytes, start, limits.members).members) : ONE,
    ),
  )
}

function samplingOf(endpoint: GenerationEndpoint, bytes: Buffer, members: readonly Member[]): Sampling {
  const { hasSamples } = ENDPOINT_TRAITS[endpoint]
  const n = (hasSamples ? integerAt(bytes, lastMember(members, 'n')) : undefined) ?? 1n
  const isTokenless = asksForNoToken(endpoint, bytes, members)
  // Engines refuse a count below 1.
  if (n < 2n) return isTokenless ? TOKENLESS : ONE
  const ranges = members.filter(({ key }) => key === 'n').map(rangeOf)
  const seeds = members.filter(({ key }) => SEED_KEYS.has(key)).flatMap(member => seedOf(bytes, member))
  return { n: Number(n), values: [{ n: ranges, seeds, isTokenless }] }
}

/** A list with one object per prompt. As on engines, the objects must agree on `n`. */
function samplingOfList(each: readonly Sampling[]): Sampling {
  const n = each[0]?.n ?? 1
  if (each.some(sampling => sampling.n !== n))
    throw new GatewayError('invalid-request', 'All sampling_params of one request must have the same n')
  return { n, values: each.flatMap(({ values }) => values) }
}

function asksForNoToken(endpoint: GenerationEndpoint, bytes: Buffer, members: readonly Member[]): boolean {
  for (const key of ENDPOINT_TRAITS[endpoint].maxTokensKeys) {
    const maxTokens = numberAt(bytes, lastMember(members, key))
    if (maxTokens !== undefined) return maxTokens === 0
  }
  return false
}

function seedOf(bytes: Buffer, member: Member): Seed[] {
  const value = integerAt(bytes, member)
  return value === undefined ? [] : [{ ...rangeOf(member), value }]
}

function rangeOf({ valueStart, valueEnd }: Member): Range {
  return { start: valueStart, end: valueEnd }
}
