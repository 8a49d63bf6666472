/** Finds the bytes of a request that its KV cache depends on, in the order in which engines read them. Hot path. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Member, Range } from '../json/scan.ts'
import type { PromptBytes } from './block-hashes.ts'

/** The KV cache of one model or adapter is of no use to another, and the last two change what a template makes. */
const SEED_KEYS = new Set(['model', 'lora_path', 'chat_template', 'chat_template_kwargs'])
/** With one of them, equal tokens do not mean an equal KV cache (SGLang 0.5.23, vLLM 0.32). */
const OTHER_KEYS = new Set(['lora_path', 'extra_key', 'cache_salt', 'image_data', 'video_data', 'audio_data'])
/**
 * Chat templates put tools before the messages, and system prompts first of these. Without a template, the first that is
 * not null is the prompt (SGLang 0.5.23, `io_struct.py`).
 */
const PART_KEYS: Record<GenerationEndpoint, readonly string[]> = {
  generate: ['text', 'input_ids'],
  completions: ['prompt'],
  chat: ['tools', 'messages'],
  responses: ['tools', 'instructions', 'input'],
  messages: ['tools', 'system', 'messages'],
}

/** What a member of a request means for its KV cache. */
interface Meaning {
  /** Which part of the prompt it is; `undefined` if it is none. */
  readonly part: number | undefined
  readonly isSeed: boolean
  readonly isOther: boolean
}

/** One look-up for each member of a request. */
const MEANINGS: Record<GenerationEndpoint, ReadonlyMap<string, Meaning>> = {
  generate: meaningsOf('generate'),
  completions: meaningsOf('completions'),
  chat: meaningsOf('chat'),
  responses: meaningsOf('responses'),
  messages: meaningsOf('messages'),
}

/** For a request with several prompts, the list is the prompt. */
export function promptBytes(endpoint: GenerationEndpoint, members: readonly Member[]): PromptBytes {
  const meanings = MEANINGS[endpoint]
  const seeds: Range[] = []
  const found: (Range | undefined)[] = []
  let dependsOnMore = false
  for (const member of members) {
    const meaning = meanings.get(member.key)
    if (meaning === undefined || member.kind === 'null') continue
    if (meaning.isSeed) seeds.push(valueOf(member))
    if (meaning.isOther) dependsOnMore = true
    if (meaning.part !== undefined) found[meaning.part] = valueOf(member)
  }
  // Also skips the places of parts that the request does not have.
  const parts = found.filter(range => range !== undefined)
  return { seeds, parts: endpoint === 'generate' ? parts.slice(0, 1) : parts, dependsOnMore }
}

function meaningsOf(endpoint: GenerationEndpoint): ReadonlyMap<string, Meaning> {
  const parts = PART_KEYS[endpoint]
  return new Map(
    [...parts, ...SEED_KEYS, ...OTHER_KEYS].map(key => {
      const part = parts.indexOf(key)
      const meaning = {
        part: part < 0 ? undefined : part,
        isSeed: SEED_KEYS.has(key),
        isOther: OTHER_KEYS.has(key),
      }
      return [key, meaning]
    }),
  )
}

/** Without what ends the value, which a longer prompt would have later. */
function valueOf({ valueStart, valueEnd }: Member): Range {
  return { start: valueStart, end: valueEnd - 1 }
}
