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

export class PrefixCache {
  readonly #knobs: Knobs
  readonly #pages = new Set<number>()

  constructor(knobs: Knobs) {
    this.#knobs = knobs
  }

  /** Adds the prompt and returns how many of its tokens were cached. The last token is never cached. */
  touch(spec: Pick<SequenceSpec, 'prompt' | 'cacheKey'>): number {
    if (!this.#knobs.prefixCache) return 0
    let cachedPages = 0
    let hit = true
    for (const page of pagesOf(spec, this.#knobs.pageSize)) {
      hit &&= this.#pages.has(page)
      if (hit) cachedPages++
      this.#pages.delete(page)
      this.#pages.add(page)
    }
    this.#trim()
    return Math.min(cachedPages * this.#knobs.pageSize, spec.prompt.tokens - 1)
  }

  clear(): void {
    this.#pages.clear()
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
