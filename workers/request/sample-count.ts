/** How many samples a request asks for, and where each `n` stands. An `n` that is none is left to the engine. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { lastMember, textAt } from '../json/members.ts'
import { decodeString, type Member, type Range, scanArray, scanObject } from '../json/scan.ts'

export interface Sampling {
  /** 1 or more. */
  readonly n: number
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

/** One object a prompt. Engines want the same `n` in all; a mixed list is theirs to refuse. */
function samplingOfList(bytes: Buffer, start: number): Sampling {
  const ranges: Range[] = []
  let n: number | undefined
  for (const element of scanArray(bytes, start).elements) {
    if (element.kind !== 'object') return ONE
    const one = samplingOf(bytes, scanObject(bytes, element.start).members)
    if (n !== undefined && one.n !== n) return ONE
    n = one.n
    ranges.push(...one.ranges)
  }
  return { n: n ?? 1, ranges }
}

/**
 * Whatever an engine may take for a count above 1 must be seen here, or it would hang there: SGLang's parser reads
 * `2.0`, `2e0` and `"2"` as 2, too.
 */
function countOf(bytes: Buffer, member: Member | undefined): number | undefined {
  if (member?.kind !== 'number' && member?.kind !== 'string') return undefined
  const range = { start: member.valueStart, end: member.valueEnd }
  const text = member.kind === 'number' ? textAt(bytes, range) : decodeString(bytes, range)
  const count = text.trim() === '' ? 0 : Number(text)
  return count >= 1 && (Number.isInteger(count) || count === Infinity) ? count : undefined
}
