/**
 * The members of a batch that may be lists with one value for each prompt. Any other member applies to all prompts.
 *
 * Source: `normalize_batch_and_arguments` and `__getitem__` of SGLang's `GenerateReqInput` (0.5.23).
 */
import { GatewayError } from '../../src/core/errors.ts'
import { BYTE } from '../json/bytes.ts'
import { JsonLimitError } from '../json/errors.ts'
import { type Member, type ScannedValue, scanArray } from '../json/scan.ts'
import { skipSpace } from '../json/skip.ts'

/** `flat`: any list has one value per prompt. `nested`: only a list of lists has; a flat list applies to all prompts. */
const PER_PROMPT = new Map<string, 'flat' | 'nested'>([
  ['text', 'flat'],
  ['input_ids', 'nested'],
  ['image_data', 'flat'],
  ['video_data', 'flat'],
  ['audio_data', 'flat'],
  ['mm_hashes', 'flat'],
  ['mm_content_hashes', 'flat'],
  ['sampling_params', 'flat'],
  ['return_logprob', 'flat'],
  ['logprob_start_len', 'flat'],
  ['top_logprobs_num', 'flat'],
  ['token_ids_logprob', 'nested'],
  ['return_sampling_mask', 'flat'],
  ['return_hidden_states', 'flat'],
  ['lora_path', 'flat'],
  ['lora_id', 'flat'],
  ['custom_logit_processor', 'flat'],
  ['positional_embed_overrides', 'flat'],
  ['extra_key', 'flat'],
  ['cache_salt', 'flat'],
  ['multi_item_delimiter_indices', 'nested'],
])

/** Engines take an empty list as none. */
const MAY_BE_EMPTY = new Set(['image_data', 'token_ids_logprob'])

/**
 * The values of a member that has one for each of `prompts`; `undefined` if it applies to all of them.
 *
 * @throws {GatewayError} `invalid-request` if it is a list of another length, which engines answer with 500 or read as
 * something else
 */
export function perPromptElements(
  bytes: Buffer,
  member: Member,
  prompts: number,
): readonly ScannedValue[] | undefined {
  const kind = PER_PROMPT.get(member.key)
  if (kind === undefined || member.kind !== 'array') return undefined
  const first = bytes[skipSpace(bytes, member.valueStart + 1)]
  if (kind === 'nested' && first !== BYTE.openBracket) return undefined
  if (first === BYTE.closeBracket && MAY_BE_EMPTY.has(member.key)) return undefined
  return elementsOf(bytes, member, prompts)
}

/**
 * The elements of a list that must have one for each of `prompts`.
 *
 * @throws {GatewayError} `invalid-request` if it has more or fewer
 */
export function elementsOf(bytes: Buffer, member: Member, prompts: number): readonly ScannedValue[] {
  const elements = elementsUpTo(prompts, bytes, member)
  if (elements?.length === prompts) return elements
  throw new GatewayError(
    'invalid-request',
    `The list ${member.key} must have one value for each of the ${prompts} prompts of the request`,
  )
}

function elementsUpTo(
  limit: number,
  bytes: Buffer,
  { valueStart }: Member,
): readonly ScannedValue[] | undefined {
  try {
    return scanArray(bytes, valueStart, limit).elements
  } catch (error) {
    if (error instanceof JsonLimitError) return undefined
    throw error
  }
}

/** Whether the member is a list that is not empty. */
export function hasElements(bytes: Buffer, member: Member | undefined): boolean {
  return member?.kind === 'array' && bytes[skipSpace(bytes, member.valueStart + 1)] !== BYTE.closeBracket
}
