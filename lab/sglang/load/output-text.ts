/** The text that an answer holds, whatever its endpoint and form. Pure. */
import { member } from '../../../bench/json/member.ts'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { eventsOf, isEventStream } from '../../client/events.ts'
import type { Answer } from '../../client/request.ts'

export interface Output {
  readonly text: string
  /** The answer has ended as one that is whole: with `[DONE]`, or as complete JSON. */
  readonly isWhole: boolean
  /** The stream ends with an error. */
  readonly hasError: boolean
}

export function outputOf({ status, headers, body, end }: Answer): Output {
  if (!isEventStream(headers)) {
    const value = parseJson(body)
    const isWhole = status === 200 && end === 'complete' && value !== undefined
    return { text: textIn(value), isWhole, hasError: member(value, 'error') !== undefined }
  }
  const { events, hasDone } = eventsOf(body)
  const texts = events.map(textIn)
  const isCumulative = events.some(event => member(event, 'meta_info') !== undefined)
  return {
    text: isCumulative ? (texts.findLast(text => text !== '') ?? '') : texts.join(''),
    isWhole: status === 200 && end === 'complete' && hasDone,
    hasError: events.some(event => member(event, 'error') !== undefined),
  }
}

function textIn(value: unknown): string {
  const choices = member(value, 'choices')
  const choice: unknown = Array.isArray(choices) ? choices[0] : value
  const text =
    member(choice, 'text') ??
    member(member(choice, 'delta'), 'content') ??
    member(member(choice, 'message'), 'content')
  return typeof text === 'string' ? text : ''
}
