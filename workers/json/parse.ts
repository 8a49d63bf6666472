/** JSON of engines and clients as values, where a fault in it is an answer and no exception. Not for large bodies. */

export type Json = Record<string, unknown>

/** `undefined` when the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `undefined` when the text is not the JSON of an object. */
export function parseObject(text: string): Json | undefined {
  const value = parseJson(text)
  return isObject(value) ? value : undefined
}
