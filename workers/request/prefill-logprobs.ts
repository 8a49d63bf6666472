/** Reads whether a request asks for logprobs of the prompt, or for others that only prefill has. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { lastMember } from '../json/members.ts'
import { type Member, scanArray } from '../json/scan.ts'
import { integerAt, isTrue } from './strict-values.ts'

/** See `RequestFields.prefillLogprobs`. `maxElements`: bounds lists with one value per prompt. */
export function readPrefillLogprobs(
  endpoint: GenerationEndpoint,
  bytes: Buffer,
  members: readonly Member[],
  maxElements: number,
): 'native' | 'echo' | undefined {
  switch (endpoint) {
    case 'generate':
      return wantsNativeLogprobs(bytes, members, maxElements) ? 'native' : undefined
    case 'completions':
      return wantsEchoLogprobs(bytes, members) ? 'echo' : undefined
    // Logprobs of the others cover the output only.
    case 'chat':
    case 'responses':
    case 'messages':
      return undefined
  }
}

/** Whether the request asks vLLM for logprobs of the prompt; 0 are those of its own tokens. */
export function hasPromptLogprobs(members: readonly Member[]): boolean {
  return lastMember(members, 'prompt_logprobs')?.kind === 'number'
}

function wantsEchoLogprobs(bytes: Buffer, members: readonly Member[]): boolean {
  return (
    isTrue(lastMember(members, 'echo')) && integerAt(bytes, lastMember(members, 'logprobs')) !== undefined
  )
}

function wantsNativeLogprobs(bytes: Buffer, members: readonly Member[], maxElements: number): boolean {
  const valuesOf = (key: string): readonly Member[] => valuesAt(bytes, lastMember(members, key), maxElements)
  if (!valuesOf('return_logprob').some(value => isTrue(value))) return false
  const starts = valuesOf('logprob_start_len').map(value => integerAt(bytes, value))
  return (
    lastMember(members, 'token_ids_logprob')?.kind === 'array' ||
    starts.some(start => start !== undefined && start >= 0n)
  )
}

/** The value of the member, or each element if it is a list, as if it were the member. */
function valuesAt(bytes: Buffer, member: Member | undefined, maxElements: number): readonly Member[] {
  if (member === undefined) return []
  if (member.kind !== 'array') return [member]
  const { elements } = scanArray(bytes, member.valueStart, maxElements)
  const { key, memberStart, memberEnd } = member
  return elements.map(({ kind, start, end }) => ({
    key,
    memberStart,
    memberEnd,
    kind,
    valueStart: start,
    valueEnd: end,
  }))
}
