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
    for (const [index, kinds] of progressIn(events)) fields.set(`${PROGRESS}[${index}]`, kinds)
  } else {
    const value = parseJson(body)
    if (value === undefined) fields.set('text', body)
    else add(fields, 'body', value)
  }
  return fields
}

const PROGRESS = 'progress'

/**
 * Whether the field holds the kinds of events that were seen of one prompt or sample before its last event: a list that may
 * be missing or shorter in an answer, because it depends on time.
 */
export function isProgress(path: string): boolean {
  return path.startsWith(`${PROGRESS}[`)
}

/** The path of a field for all places in lists: `body.choices[].text`. */
export function patternOf(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '[]')
}

/** The fields of a value at a path. */
export function flattened(path: string, value: unknown): Fields {
  const fields = new Map<string, unknown>()
  add(fields, path, value)
  return fields
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
