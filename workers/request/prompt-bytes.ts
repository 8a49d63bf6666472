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

/** For a request with several prompts, the list is the prompt. */
export function promptBytes(endpoint: GenerationEndpoint, members: readonly Member[]): PromptBytes {
  const keys = PART_KEYS[endpoint]
  const seeds: Range[] = []
  const found: (Range | undefined)[] = keys.map(() => undefined)
  let dependsOnMore = false
  for (const member of members) {
    if (member.kind === 'null') continue
    if (SEED_KEYS.has(member.key)) seeds.push(valueOf(member))
    if (OTHER_KEYS.has(member.key)) dependsOnMore = true
    const part = keys.indexOf(member.key)
    if (part >= 0) found[part] = valueOf(member)
  }
  const parts = found.filter(range => range !== undefined)
  return { seeds, parts: endpoint === 'generate' ? parts.slice(0, 1) : parts, dependsOnMore }
}

/** Without what ends the value, which a longer prompt would have later. */
function valueOf({ valueStart, valueEnd }: Member): Range {
  return { start: valueStart, end: valueEnd - 1 }
}
