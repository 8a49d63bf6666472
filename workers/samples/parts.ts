/**
 * Divides a request with several prompts or samples into parts: one prompt and one sample each, which engines get as a
 * request of its own.
 *
 * The body of a part is the client's, changed by edits: of each list with one value per prompt only the part's value
 * remains, without the brackets; every `n` becomes 1; the seed of sample i is the client's plus i, as in vLLM, because
 * equal seeds would give equal samples. Pure.
 */
import type { Edit } from '../json/edit.ts'
import type { Range } from '../json/scan.ts'
import { HashedPrompt } from '../request/block-hashes.ts'
import type { RequestFields } from '../request/fields.ts'
import { promptInBatch } from '../request/prompt-bytes.ts'
import type { PromptList } from '../request/prompts.ts'
import type { SampleValues, Seed } from '../request/sampling.ts'
import type { EngineRequest } from '../retry/engine-request.ts'

const NO_BYTES = Buffer.alloc(0)
const ONE = Buffer.from('1')
const OPEN = Buffer.from('[')
const CLOSE = Buffer.from(']')

/** A single prompt has these as a list, a batch may have one value of each per prompt. */
const LISTS_OF_A_PROMPT = new Set(['mm_hashes', 'mm_content_hashes'])

export function countParts({ batch, n }: RequestFields): number {
  return (batch?.size ?? 1) * n
}

/** `index`: prompt times samples per prompt, plus sample. */
export function partOf(request: EngineRequest, index: number): EngineRequest {
  const { fields, endpoint } = request
  const prompt = Math.floor(index / fields.n)
  return {
    ...request,
    fields: {
      ...fields,
      clientRid: partRid(fields, prompt),
      batch: undefined,
      sampling: { n: fields.n, values: valuesOf(fields, prompt) },
    },
    prompt: promptOf(request, prompt),
    edits: editsOf(fields, prompt, index % fields.n),
    isPromptOfBatch: endpoint === 'generate' && fields.batch !== undefined && fields.n === 1,
  }
}

/** The client's name for a prompt. If the client names a batch only, prompt i is `name_i`, as on engines (SGLang 0.5.23). */
export function partRid({ batch, clientRid }: RequestFields, prompt: number): string | undefined {
  if (typeof clientRid !== 'string') return clientRid?.[prompt]
  return batch === undefined ? clientRid : `${clientRid}_${prompt}`
}

/** The prompts that the client has named so: the index of one, `all` if it is the name of the request, else `undefined`. */
export function promptNamed(fields: RequestFields, rid: string): number | 'all' | undefined {
  const { batch, clientRid } = fields
  if (clientRid === rid) return 'all'
  if (batch === undefined || clientRid === undefined) return undefined
  const prompt =
    typeof clientRid === 'string' ? Number(rid.slice(rid.lastIndexOf('_') + 1)) : clientRid.indexOf(rid)
  return prompt >= 0 && prompt < batch.size && partRid(fields, prompt) === rid ? prompt : undefined
}

/** All samples of a single prompt share it, so that it is hashed once. */
function promptOf({ body, fields, prompt: whole }: EngineRequest, prompt: number): EngineRequest['prompt'] {
  const { batch, prompt: bytes } = fields
  if (batch === undefined || bytes === undefined) return whole
  return new HashedPrompt(body, promptInBatch(bytes, batch.lists, prompt))
}

function editsOf(fields: RequestFields, prompt: number, sample: number): Edit[] {
  const edits = (fields.batch?.lists ?? []).flatMap(list => keepElement(list, prompt))
  for (const { n, seeds } of valuesOf(fields, prompt)) {
    for (const range of n) edits.push({ ...rangeOf(range), replacement: ONE })
    if (sample > 0) for (const seed of seeds) edits.push(seedEdit(seed, sample))
  }
  return edits
}

function valuesOf({ sampling, batch }: RequestFields, prompt: number): readonly SampleValues[] {
  const { values } = sampling
  return batch === undefined || values.length === 1 ? values : values.slice(prompt, prompt + 1)
}

/** Removes what is around the element, so that edits inside it remain possible. */
function keepElement({ key, list, elements }: PromptList, prompt: number): Edit[] {
  const element = elements[prompt]
  if (element === undefined) throw new RangeError(`no value ${prompt} in the list ${key}`)
  const isWrapped = LISTS_OF_A_PROMPT.has(key) && element.kind === 'string'
  return [
    { start: list.start, end: element.start, replacement: isWrapped ? OPEN : NO_BYTES },
    { start: element.end, end: list.end, replacement: isWrapped ? CLOSE : NO_BYTES },
  ]
}

/** Engines keep seeds in 64 bits: beyond the largest follows the smallest. */
function seedEdit(seed: Seed, sample: number): Edit {
  const value = BigInt.asIntN(64, seed.value + BigInt(sample))
  return { ...rangeOf(seed), replacement: Buffer.from(String(value)) }
}

function rangeOf({ start, end }: Range): Range {
  return { start, end }
}
