/**
 * Removes from engines' error messages what they repeat of the gateway's own members of a request: bootstrap addresses,
 * rooms and rids. Validation errors quote the whole request (SGLang 0.5.23), possibly cut in the middle of a key. Pure.
 */

/** A key, or the end of one, with its value as JSON, as Python writes it, or after an equals sign. */
const BOOTSTRAP =
  /([a-z]*_(?:host|port|room|addr)['"]?\s*[:=]\s*)(?:'[^']*'?|"[^"]*"?|\[[^\]]*\]?|[^\s,)}\]]+)/g
const RID = /(\brid['"]?\s*[:=]\s*)(['"]?)[0-9a-f]{32}\2/g

/** The message for a client. Logs keep the whole one. */
export function withoutHiddenDetails(message: string): string {
  return message.replaceAll(BOOTSTRAP, '$1…').replaceAll(RID, '$1…')
}

/** The same for all texts in a JSON body. A body without such details is returned as it is. */
export function bodyWithoutHiddenDetails(body: string): string {
  let isChanged = false
  const hide = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value
    const text = withoutHiddenDetails(value)
    isChanged ||= text !== value
    return text
  }
  const hidden: unknown = JSON.parse(body, hide)
  return isChanged ? JSON.stringify(hidden) : body
}
