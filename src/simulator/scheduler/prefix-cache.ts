/**
 * The prompt prefixes in the KV cache of an engine, in pages, with the least recently used page evicted first.
 *
 * A page is identified by a hash chained over all pages before it, from the cache key on. Cached pages are not counted in
 * the pool, because a real engine can evict them whenever it needs memory.
 */
import { mix } from '../../core/random.ts'
import { hashText } from '../../core/text-hash.ts'
import type { SequenceSpec } from '../sequence/sequence.ts'
import { CHARS_PER_TOKEN } from '../sequence/tokenizer.ts'
import type { Knobs } from '../settings/knobs.ts'

/** The pages of one prompt, in order. A last page that is not full is none. */
export type PromptPages = readonly number[]

export class PrefixCache {
  readonly #knobs: Knobs
  readonly #pages = new Set<number>()

  constructor(knobs: Knobs) {
    this.#knobs = knobs
  }

  /** Empty if nothing is cached on this engine. */
  pagesOf(spec: Pick<SequenceSpec, 'prompt' | 'cacheKey'>): PromptPages {
    return this.#knobs.prefixCache ? pagesOf(spec, this.#knobs.pageSize) : []
  }

  /** Uses what is cached of the pages. @returns how many tokens that are from the beginning on. */
  use(pages: PromptPages): number {
    const missing = pages.findIndex(page => !this.#pages.has(page))
    const cached = missing < 0 ? pages.length : missing
    this.#touch(pages.slice(0, cached))
    return cached * this.#knobs.pageSize
  }

  /** Adds the pages of the first `tokens` tokens, which have been computed. */
  add(pages: PromptPages, tokens: number): void {
    this.#touch(pages.slice(0, Math.floor(tokens / this.#knobs.pageSize)))
    this.#trim()
  }

  clear(): void {
    this.#pages.clear()
  }

  #touch(pages: PromptPages): void {
    for (const page of pages) {
      this.#pages.delete(page)
      this.#pages.add(page)
    }
  }

  #trim(): void {
    const limit = Math.floor(this.#knobs.kvTokens / this.#knobs.pageSize)
    for (const page of this.#pages) {
      if (this.#pages.size <= limit) return
      this.#pages.delete(page)
    }
  }
}

function pagesOf(
  { prompt, cacheKey }: Pick<SequenceSpec, 'prompt' | 'cacheKey'>,
  pageSize: number,
): number[] {
  const pages: number[] = []
  const unit = prompt.ids === undefined ? CHARS_PER_TOKEN : 1
  let hash = cacheKey === '' ? 0 : hashText(cacheKey)
  for (let page = 1; page * pageSize <= prompt.tokens; page++) {
    for (let offset = (page - 1) * pageSize * unit; offset < page * pageSize * unit; offset++) {
      const value = prompt.ids === undefined ? prompt.text.charCodeAt(offset) : (prompt.ids[offset] ?? 0)
      hash = Math.imul(hash ^ value, 0x01000193)
    }
    hash = mix(hash)
    pages.push(hash)
  }
  return pages
}
