/** Finds the bytes of a request that its KV cache depends on, in the order in which engines read them. Hot path. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Member, Range } from '../json/scan.ts'
import type { ValueKind } from '../json/skip.ts'
import type { PromptBytes } from './block-hashes.ts'
import type { PromptList } from './prompts.ts'

/** A value that the KV cache depends on besides the prompt. */
interface SeedMember extends Range {
  /** Of the member that has it. */
  readonly key: string
}

/** Where a request has its prompt, and what else the KV cache depends on. */
export interface RequestPrompt extends PromptBytes {
  readonly seeds: readonly SeedMember[]
}

/**
 * With one of them, equal tokens do not mean an equal KV cache. SGLang keeps a cache for each salt, extra key and adapter,
 * and hashes images instead of the tokens that stand for them (0.5.23); vLLM adds all of them to its block hashes (0.32).
 */
const SEPARATING_KEYS = ['lora_path', 'extra_key', 'cache_salt', 'image_data', 'video_data', 'audio_data']
/**
 * What chat templates may put before the first message: gpt-oss the effort of reasoning, those for retrieval the documents.
 * SGLang takes the effort from `reasoning` as well (0.5.23, `protocol.py`).
 */
const TEMPLATE_KEYS = ['chat_template', 'chat_template_kwargs', 'reasoning_effort', 'reasoning', 'documents']
/** The KV cache of one model is of no use to another. */
const SEED_KEYS = ['model', ...SEPARATING_KEYS, ...TEMPLATE_KEYS]
/** Of a chat only: the templates of other APIs were not read. */
const TOOL_CHOICE = 'tool_choice'
const SEPARATING = new Set(SEPARATING_KEYS)
/** Of an empty text, list or object. */
const EMPTY_BYTES = 2
const LOWER_N = 0x6e
/** Chat templates put tools before the messages, and system prompts first of these. */
const PART_KEYS: Record<GenerationEndpoint, readonly string[]> = {
  generate: ['text', 'input_ids'],
  completions: ['prompt'],
  chat: ['input_ids', 'tools', 'messages'],
  responses: ['tools', 'instructions', 'input'],
  messages: ['tools', 'system', 'messages'],
}

/**
 * How many of the first keys name a part that is the whole prompt, whatever else the request has. The first that is not
 * null counts (SGLang 0.5.23, `io_struct.py`; `protocol.py` of chats).
 */
const WHOLE_PARTS: Record<GenerationEndpoint, number> = {
  generate: 2,
  completions: 1,
  chat: 1,
  responses: 0,
  messages: 0,
}

/** What a member of a request means for its KV cache. */
interface Meaning {
  /** Which part of the prompt it is; `undefined` if it is none. */
  readonly part: number | undefined
  readonly isSeed: boolean
  readonly isSeparating: boolean
}

/** One look-up for each member of a request. */
const MEANINGS: Record<GenerationEndpoint, ReadonlyMap<string, Meaning>> = {
  generate: meaningsOf('generate'),
  completions: meaningsOf('completions'),
  chat: meaningsOf('chat'),
  responses: meaningsOf('responses'),
  messages: meaningsOf('messages'),
}

/** For a request with several prompts, the list is the prompt; see `promptInBatch`. */
export function promptBytes(
  endpoint: GenerationEndpoint,
  bytes: Uint8Array,
  members: readonly Member[],
): RequestPrompt {
  const meanings = MEANINGS[endpoint]
  const seeds: SeedMember[] = []
  const found: (Range | undefined)[] = []
  let dependsOnMore = false
  for (const member of members) {
    const meaning = meanings.get(member.key)
    if (meaning === undefined || member.kind === 'null') continue
    const { valueStart, valueEnd } = member
    const seed = meaning.isSeed ? seedIn(bytes, member) : undefined
    if (seed !== undefined) seeds.push(seed)
    if (seed !== undefined && meaning.isSeparating) dependsOnMore = true
    if (meaning.part !== undefined) found[meaning.part] = contentOf(valueStart, valueEnd)
  }
  const whole = found.slice(0, WHOLE_PARTS[endpoint]).find(range => range !== undefined)
  // Also skips the places of parts that the request does not have.
  const parts = whole === undefined ? found.filter(range => range !== undefined) : [whole]
  return { seeds: inOrder(seeds), parts, dependsOnMore }
}

/**
 * One prompt of a request that has several, as if it had been sent alone. `lists`: those with one value per prompt, the
 * prompts first.
 */
export function promptInBatch(
  { seeds, parts }: RequestPrompt,
  lists: readonly PromptList[],
  prompt: number,
): RequestPrompt {
  const own = lists[0]?.elements[prompt]
  const ownSeeds = seeds.flatMap(seed => seedInBatch(seed, lists, prompt) ?? [])
  return {
    seeds: ownSeeds,
    parts: parts.length === 0 || own === undefined ? parts : [contentOf(own.start, own.end)],
    dependsOnMore: ownSeeds.some(({ key }) => SEPARATING.has(key)),
  }
}

function seedInBatch(seed: SeedMember, lists: readonly PromptList[], prompt: number): SeedMember | undefined {
  const own = lists.find(({ key }) => key === seed.key)?.elements[prompt]
  return own === undefined ? seed : seedOf(seed.key, own.kind, own.start, own.end)
}

/** In the same order for all clients. */
function inOrder(seeds: readonly SeedMember[]): readonly SeedMember[] {
  return seeds.length > 1 ? seeds.toSorted((left, right) => (left.key < right.key ? -1 : 1)) : seeds
}

function meaningsOf(endpoint: GenerationEndpoint): ReadonlyMap<string, Meaning> {
  const parts = PART_KEYS[endpoint]
  const seeds = endpoint === 'chat' ? [...SEED_KEYS, TOOL_CHOICE] : SEED_KEYS
  return new Map(
    [...parts, ...seeds].map(key => {
      const part = parts.indexOf(key)
      const isSeed = seeds.includes(key)
      return [key, { part: part < 0 ? undefined : part, isSeed, isSeparating: SEPARATING.has(key) }]
    }),
  )
}

/**
 * Whether the template does not get all tools: SGLang gives it only the one that a choice names, and none for `"none"`
 * (0.5.23, `serving_chat.py`). With `"auto"` and `"required"` it gets all of them, as without a choice.
 */
function leavesToolsOut(bytes: Uint8Array, { kind, valueStart }: Member): boolean {
  return kind === 'object' || (kind === 'string' && bytes[valueStart + 1] === LOWER_N)
}

function seedIn(bytes: Uint8Array, member: Member): SeedMember | undefined {
  const { key, kind, valueStart, valueEnd } = member
  if (key === TOOL_CHOICE && !leavesToolsOut(bytes, member)) return undefined
  return seedOf(key, kind, valueStart, valueEnd)
}

/** `undefined` for null, and for an empty text or list, which engines take as none. */
function seedOf(key: string, kind: ValueKind, start: number, end: number): SeedMember | undefined {
  if (kind === 'number') return { key, start, end }
  return kind === 'null' || end - start === EMPTY_BYTES ? undefined : { key, start, end: end - 1 }
}

/** Without what ends the value, which a longer prompt would have later. */
function contentOf(start: number, end: number): Range {
  return { start, end: end - 1 }
}
