/** Server-sent events as a test reads them: the payloads of a whole stream, parsed. */

export interface ParsedStream {
  /** JSON payloads in order, `[DONE]` not among them. */
  readonly events: readonly unknown[]
  readonly hasDone: boolean
}

/** @throws when a payload is neither JSON nor `[DONE]`, or comes after it. */
export function parseStream(body: string): ParsedStream {
  const events: unknown[] = []
  let hasDone = false
  for (const block of body.split('\n\n')) {
    if (block === '') continue
    if (hasDone) throw new Error(`event after [DONE]: ${block}`)
    const payload = block.replace(/^data: /, '')
    if (payload === '[DONE]') hasDone = true
    else events.push(JSON.parse(payload))
  }
  return { events, hasDone }
}

/** Follows a path of keys and indexes into parsed JSON; undefined where it leads nowhere. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined
    here = Reflect.get(here, key)
  }
  return here
}
