/** The events of a stream (WHATWG HTML, server-sent events) as far as engines use them: data of one line each. Pure. */
import { parseJson } from '../../src/core/text/parse-json.ts'

export interface EventList {
  /** Parsed data of each event, or the text of one that is not JSON, without the final `[DONE]`. */
  readonly events: readonly unknown[]
  readonly hasDone: boolean
}

const DONE = '[DONE]'

/** Text that is not an event, or comes after `[DONE]`, is an event `{ "unexpected": text }`. Comments are left out. */
export function eventsOf(body: string): EventList {
  const events: unknown[] = []
  let hasDone = false
  for (const block of body.split('\n\n')) {
    const lines = block.split('\n').filter(line => line !== '' && !line.startsWith(':'))
    if (lines.length === 0) continue
    const data = lines.length === 1 && lines[0]?.startsWith('data: ') === true ? lines[0].slice(6) : undefined
    if (hasDone || data === undefined) events.push({ unexpected: block })
    else if (data === DONE) hasDone = true
    else events.push(parseJson(data) ?? data)
  }
  return { events, hasDone }
}

export function isEventStream(headers: Readonly<Record<string, string>>): boolean {
  return headers['content-type']?.startsWith('text/event-stream') === true
}
