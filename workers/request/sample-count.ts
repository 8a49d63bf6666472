/**
 * Reads how many samples a request asks for, and where each `n` is. An invalid `n` is left to the engine to reject.
 *
 * The gateway must not pass on an `n` above 1: a PD engine sends all samples through the one bootstrap room of the prompt
 * and hangs (SGLang 2026-07, confirmed on 0.5.23).
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { lastMember, textAt } from '../json/members.ts'
import { decodeString, type Member, type Range, scanArray, scanObject } from '../json/scan.ts'

export interface Sampling {
  /** Samples per prompt, 1 or more. */
  readonly n: number
  /** The value of every `n` found. */
  readonly ranges: readonly Range[]
}

const ONE: Sampling = { n: 1, ranges: [] }

export function readSampling(
  endpoint: GenerationEndpoint,
  bytes: Buffer,
  members: readonly Member[],
): Sampling {
  if (endpoint !== 'generate') return samplingOf(bytes, members)
  const params = lastMember(members, 'sampling_params')
  if (params?.kind === 'object') return samplingOf(bytes, scanObject(bytes, params.valueStart).members)
  return params?.kind === 'array' ? samplingOfList(bytes, params.valueStart) : ONE
}

function samplingOf(bytes: Buffer, members: readonly Member[]): Sampling {
  const n = countOf(bytes, lastMember(members, 'n'))
  if (n === undefined) return ONE
  const ranges: Range[] = []
  for (const member of members) {
    if (member.key === 'n') ranges.push({ start: member.valueStart, end: member.valueEnd })
  }
  return { n, ranges }
}

/** A list with one object per prompt. Engines reject a list whose objects differ in `n`. */
function samplingOfList(bytes: Buffer, start: number): Sampling {
  const ranges: Range[] = []
  let n: number | undefined
  for (const element of scanArray(bytes, start).elements) {
    if (element.kind !== 'object') return ONE
    const sampling = samplingOf(bytes, scanObject(bytes, element.start).members)
    if (n !== undefined && sampling.n !== n) return ONE
    n = sampling.n
    ranges.push(...sampling.ranges)
  }
  return { n: n ?? 1, ranges }
}

/**
 * Recognizes every value that an engine may read as a count. SGLang's request parser (Pydantic) converts `2.0`, `2e0` and
 * `"2"` to 2 as well, and a count above 1 that is missed here would hang.
 */
function countOf(bytes: Buffer, member: Member | undefined): number | undefined {
  if (member?.kind !== 'number' && member?.kind !== 'string') return undefined
  const range = { start: member.valueStart, end: member.valueEnd }
  const text = member.kind === 'number' ? textAt(bytes, range) : decodeString(bytes, range)
  const count = text.trim() === '' ? 0 : Number(text)
  return count >= 1 && (Number.isInteger(count) || count === Infinity) ? count : undefined
}
