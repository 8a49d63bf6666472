/**
 * Anthropic's Messages, as SGLang (0.5.23, `anthropic/serving.py`) and vLLM (0.32.0) serve it.
 *
 *   message_start · (content_block_start · content_block_delta* · content_block_stop)* · message_delta · message_stop
 *
 * `message_stop` is the end, also after an `error` event, which then reports the failure. Messages of errors from 500 on
 * are hidden in whole responses; in streams only those of exceptions are.
 */
import { isObject, type Json } from '../../src/core/text/parse-json.ts'
import { type Classification, NEUTRAL } from './classification.ts'
import { type Dialect, literalMeaning } from './dialect.ts'
import { classifyTyped, countAt, endingWith, endOf, listAt, objectAt, promptOnly } from './named-event.ts'
import { cachedPrompt } from './response-summary.ts'

/** What SGLang 0.5.23 says instead of the reason. */
const HIDDEN_REASON = 'Internal server error'

export const MESSAGES_DIALECT: Dialect = {
  // `message_start` names it, too, if the engine knows it by then.
  ...endingWith(['message_stop'], 'message_delta'),
  echoes: 1,
  classifyBody: text => classifyTyped(text, messageOf),
  classifyData: text => classifyTyped(text, eventOf),
  meaningOf: (status, message) =>
    message === HIDDEN_REASON ? { status, message, isVague: true } : literalMeaning(status, message),
}

function messageOf(message: Json): Classification | undefined {
  if (message['type'] !== 'message' || !isFilled(message['stop_reason'])) return undefined
  return ended(objectAt(message, 'usage'), listAt(message, 'content').some(isOutput))
}

function eventOf(event: Json): Classification | undefined {
  switch (event['type']) {
    case 'message_start':
      return started(objectAt(objectAt(event, 'message'), 'usage'))
    case 'content_block_start':
      return isOutput(event['content_block']) ? token(undefined) : NEUTRAL
    case 'content_block_delta':
      return isOutput(event['delta']) ? token(undefined) : NEUTRAL
    case 'message_delta':
      return isFilled(objectAt(event, 'delta')['stop_reason'])
        ? ended(objectAt(event, 'usage'), false)
        : NEUTRAL
    default:
      return undefined
  }
}

function started(usage: Json): Classification {
  const promptTokens = promptTokensIn(usage)
  return promptOnly(promptTokens, cachedPrompt(promptTokens, usage['cache_read_input_tokens']))
}

function ended(usage: Json, hasOutput: boolean): Classification {
  const promptTokens = promptTokensIn(usage)
  const cached = cachedPrompt(promptTokens, usage['cache_read_input_tokens'])
  const hasToken = hasOutput || countAt(usage, 'output_tokens') !== undefined
  return endOf(hasToken, promptTokens, cached)
}

function token(promptTokens: number | undefined): Classification {
  return { kind: 'good', hasToken: true, promptTokens }
}

/** Cached tokens are counted apart. Some events name these only. */
function promptTokensIn(usage: Json): number | undefined {
  if (typeof usage['input_tokens'] !== 'number') return undefined
  const parts = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']
  const sum = parts.reduce((total, key) => total + (countAt(usage, key) ?? 0), 0)
  return sum === 0 ? undefined : sum
}

/** A content block or a delta that holds something: a text, a thought, a part of a call, or the name of a tool. */
function isOutput(part: unknown): boolean {
  if (!isObject(part)) return false
  return ['text', 'thinking', 'partial_json', 'name', 'signature'].some(key => isFilled(part[key]))
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
