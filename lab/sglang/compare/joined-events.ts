/**
 * The events of a stream without what depends on time: events of several prompts or samples are put in order, and
 * consecutive events of one kind become one, because an engine may put two tokens into one event. Pure.
 */

import { member } from '../../../bench/json/member.ts'
import { isObject, type Json } from '../../../src/core/text/parse-json.ts'

/** Members whose texts are increments; those of /generate hold the whole text so far. */
const INCREMENTS = new Set(['content', 'reasoning_content', 'arguments', 'text'])

export function joinedEvents(events: readonly unknown[]): unknown[] {
  const joined: unknown[] = []
  for (const event of inOrder(events)) {
    const isSameKind = joined.length > 0 && kindOf(joined.at(-1)) === kindOf(event)
    const before = isSameKind ? joined.pop() : undefined
    joined.push(isSameKind && !isGenerate(event) ? join(before, event) : event)
  }
  return joined.map(withoutProgress)
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

/** Two events are of one kind if they have the same members; finish reasons and indexes count as different members. */
function kindOf(value: unknown, key = ''): string {
  if (key === 'index' || key === 'finish_reason') return JSON.stringify(value) ?? ''
  if (Array.isArray(value)) return key === 'choices' ? `[${value.map(item => kindOf(item)).join()}]` : 'list'
  if (!isObject(value)) return value === null ? 'null' : typeof value
  // A stream may end the lists of logprobs with one that is not there.
  const names = Object.keys(value).toSorted()
  return `{${names.map(name => `${name}:${kindOf(value[name], name)}`).join()}}`
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

/** The last event of /generate holds everything. Of one before it only the kinds of its members are compared. */
function withoutProgress(event: unknown): unknown {
  const meta = member(event, 'meta_info')
  const isProgress = isObject(meta) && 'finish_reason' in meta && meta['finish_reason'] === null
  return isProgress ? kindsIn(event) : event
}

function kindsIn(value: unknown): unknown {
  if (Array.isArray(value))
    return value.length === 0 ? [] : [...new Set(value.map(item => JSON.stringify(kindsIn(item))))].toSorted()
  if (!isObject(value)) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, kindsIn(item)])) satisfies Json
}
