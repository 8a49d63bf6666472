/** Finds in a stream how much of the prompt the engine had cached, which most engines say in one of the last events. */
import type { Dialect } from '../dialects/dialect.ts'
import type { CachedPrompt } from '../dialects/response-summary.ts'
import { asBuffer } from '../json/bytes.ts'
import { eventsIn } from '../sse/events.ts'
import { classifyEvent } from './event.ts'

/** The member in `meta_info`, `usage.prompt_tokens_details` and `usage.input_tokens_details`. */
const KEY = Buffer.from('"cached_tokens"')

/** `block` is a run of whole events. Hot path: they are parsed only where the word is found. */
export function cachedIn(block: Uint8Array, dialect: Dialect): CachedPrompt | undefined {
  const bytes = asBuffer(block)
  if (!bytes.includes(KEY)) return undefined
  for (const event of eventsIn(bytes)) {
    if (!event.data.includes(KEY)) continue
    const classification = classifyEvent(dialect, event)
    if (classification.kind !== 'failure' && classification.cached !== undefined) return classification.cached
  }
  return undefined
}
