/** An answer as a flat list of fields, so that two answers can be compared field by field. Pure. */
import { isObject, parseJson } from '../../../src/core/text/parse-json.ts'
import { eventsOf, isEventStream } from '../../client/events.ts'
import type { Answer } from '../../client/request.ts'
import { joinedEvents, progressIn } from './joined-events.ts'

/** Path -> value without members: `body.choices[0].text` -> `" and"`. Empty lists and objects are `[]` and `{}`. */
export type Fields = ReadonlyMap<string, unknown>

export function fieldsOf({ status, headers, body, end }: Answer): Fields {
  const fields = new Map<string, unknown>([
    ['status', status],
    ['end', end],
    ['content type', headers['content-type']?.split(';')[0] ?? 'none'],
  ])
  if (isEventStream(headers)) {
    const { events, hasDone } = eventsOf(body)
    fields.set('[DONE]', hasDone)
    add(fields, 'events', joinedEvents(events))
    for (const [index, kinds] of progressIn(events)) add(fields, `${PROGRESS}[${index}]`, kinds)
  } else {
    const value = parseJson(body)
    if (value === undefined) fields.set('text', body)
    else add(fields, 'body', value)
  }
  return fields
}

const PROGRESS = 'progress'

/** The beginning of the path of what may be missing in an answer, because it depends on time; `undefined` for all else. */
export function optionalPart(path: string): string | undefined {
  return path.startsWith(`${PROGRESS}[`) ? path.slice(0, path.indexOf(']') + 1) : undefined
}

/** The path of a field for all places in lists: `body.choices[].text`. */
export function patternOf(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '[]')
}

function add(fields: Map<string, unknown>, path: string, value: unknown): void {
  if (Array.isArray(value) && value.length > 0) {
    for (const [index, item] of value.entries()) add(fields, `${path}[${index}]`, item)
  } else if (isObject(value) && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) add(fields, `${path}.${key}`, item)
  } else {
    fields.set(path, Array.isArray(value) ? '[]' : isObject(value) ? '{}' : value)
  }
}
