/** Parses JSON that may be malformed: an invalid text is a return value, not an exception. Not for large bodies. */

export type Json = Record<string, unknown>

/** The parsed value; `undefined` if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a parsed value is a JSON object, not an array or `null`. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The parsed object; `undefined` if the text is not a JSON object. */
export function parseObject(text: string): Json | undefined {
  const value = parseJson(text)
  return isObject(value) ? value : undefined
}
