/**
 * The events of a stream without what depends on time: events of several prompts or samples are put in order, and
 * consecutive events of one kind become one, because an engine may put two tokens into one event. So there may also be no
 * event of /generate before the last one, and those that there are stand apart. Pure.
 */

import { member } from '../../../bench/json/member.ts'
import { isObject, type Json, parseJson } from '../../../src/core/text/parse-json.ts'
import { kindMark } from './kinds.ts'

/** Members whose texts are increments; those of /generate hold the whole text so far. */
const INCREMENTS = new Set(['content', 'reasoning_content', 'arguments', 'text'])

export function joinedEvents(events: readonly unknown[]): unknown[] {
  const joined: unknown[] = []
  for (const event of inOrder(events)) {
    const isSameKind = joined.length > 0 && eventKind(joined.at(-1)) === eventKind(event)
    const before = isSameKind ? joined.pop() : undefined
    joined.push(isSameKind && !isGenerate(event) ? join(before, event) : event)
  }
  return joined.filter(event => !isProgress(event))
}

/**
 * The events of /generate that are not the last of their prompt or sample, by its index. The last one holds everything, so
 * only the kinds of their members are compared, each kind once.
 */
export function progressIn(events: readonly unknown[]): ReadonlyMap<number, readonly unknown[]> {
  const byIndex = Map.groupBy(events.filter(isProgress), event => indexOf(event) ?? 0)
  return new Map([...byIndex].map(([index, list]) => [index, kindsOfItems(list)]))
}

/** By index; an event without one, such as that of the usage, stays behind those before it. */
function inOrder(events: readonly unknown[]): unknown[] {
  const known = events.map(indexOf)
  const last = Math.max(0, ...known.filter(index => index !== undefined))
  return events
    .map((event, number) => ({ event, index: known[number] ?? last }))
    .toSorted((a, b) => a.index - b.index)
    .map(({ event }) => event)
}

function indexOf(event: unknown): number | undefined {
  const choices = member(event, 'choices')
  const index = member(Array.isArray(choices) ? choices[0] : event, 'index')
  return typeof index === 'number' ? index : undefined
}

/** In completions the finish reason comes with the last text; elsewhere it has an event of its own. */
function eventKind(event: unknown): string {
  const isCompletion = member(event, 'object') === 'text_completion'
  return kindOf(event, isCompletion ? ['index'] : ['index', 'finish_reason'])
}

/** Two events are of one kind if they have the same members. The `distinct` ones must have the same values, too. */
function kindOf(value: unknown, distinct: readonly string[], key = ''): string {
  if (distinct.includes(key)) return JSON.stringify(value) ?? ''
  if (key === 'finish_reason' || key === 'matched_stop') return key
  if (Array.isArray(value))
    return key === 'choices' ? `[${value.map(item => kindOf(item, distinct)).join()}]` : 'list'
  if (!isObject(value)) return value === null ? 'null' : typeof value
  const names = Object.keys(value).toSorted()
  return `{${names.map(name => `${name}:${kindOf(value[name], distinct, name)}`).join()}}`
}

function join(before: unknown, after: unknown, key = ''): unknown {
  if (Array.isArray(before) && Array.isArray(after)) return joinLists(before, after, key)
  if (isObject(before) && isObject(after)) {
    const members = Object.entries(after).map(([name, item]) => [name, join(before[name], item, name)])
    return Object.fromEntries(members) satisfies Json
  }
  const isIncrement = INCREMENTS.has(key) && typeof before === 'string' && typeof after === 'string'
  return isIncrement ? before + after : after
}

function joinLists(before: readonly unknown[], after: readonly unknown[], key: string): unknown[] {
  if (key !== 'choices' && key !== 'tool_calls') return [...before, ...after]
  return after.map((item, index) => join(before[index], item))
}

function isGenerate(event: unknown): boolean {
  return member(event, 'meta_info') !== undefined
}

function isProgress(event: unknown): boolean {
  const meta = member(event, 'meta_info')
  return isObject(meta) && 'finish_reason' in meta && meta['finish_reason'] === null
}

function kindsIn(value: unknown): unknown {
  if (Array.isArray(value)) return kindsOfItems(value)
  if (!isObject(value)) return kindMark(value)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, kindsIn(item)])) satisfies Json
}

/** Each kind of item once. */
function kindsOfItems(items: readonly unknown[]): unknown[] {
  const kinds = items.map(item => JSON.stringify(kindsIn(item)))
  return [...new Set(kinds)].toSorted().map(parseJson)
}
