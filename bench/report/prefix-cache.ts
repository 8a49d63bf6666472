/** How many prompt tokens the engines had cached, by their own reports. Pure. */
import type { RequestRecord } from '../load/records/record.ts'
import type { Level } from './schema.ts'

/** Over the records whose engine reports its cached tokens; null if none does. */
export function prefixCacheOf(records: readonly RequestRecord[]): Level['prefixCache'] {
  let [promptTokens, cachedTokens] = [0, 0]
  for (const record of records) {
    if (record.cachedTokens === undefined) continue
    promptTokens += record.inputTokens
    cachedTokens += record.cachedTokens
  }
  return promptTokens === 0
    ? null
    : { promptTokens, cachedTokens, hitPercent: (100 * cachedTokens) / promptTokens }
}
