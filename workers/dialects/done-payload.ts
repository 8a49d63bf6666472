/**
 * Classifies what `/generate`, chat and completions generate: the data of an event, or a whole body. Pure.
 *
 * Only bytes that pass `sign-scan.ts` get here once a stream has shown a token, and only bodies that `fast-path.ts` does not
 * accept.
 */
import { isObject, type Json, parseJson, parseObject } from '../../src/core/text/parse-json.ts'
import { type Classification, NEUTRAL, notJson } from './classification.ts'
import { findError, findFailedFinish } from './error-inside-200.ts'
import { type CachedPrompt, cachedPrompt, type ResponseSummary } from './response-summary.ts'

/** `text` is the JSON of one event's data. */
export function classifyPayload(text: string): Classification {
  const payload = parseObject(text)
  if (payload === undefined) return notJson(text)
  const classification = classifyValue(payload)
  // The prompts of a batch differ and their events arrive in any order, so only those of the first are compared.
  return classification.kind === 'good' && isLaterPrompt(payload)
    ? { ...classification, promptTokens: undefined }
    : classification
}

/** `text` is an object, or an array of objects for a batch of `/generate`. */
export function classifyBody(text: string): Classification {
  const body = parseJson(text)
  const items: unknown[] = Array.isArray(body) ? body : [body]
  return combineBatch(items.map(item => (isObject(item) ? classifyValue(item) : notJson(text))))
}

/** One prompt that failed, or of which nothing is said, decides. Prompt tokens are summed; a token of any prompt counts. */
function combineBatch(items: readonly Classification[]): Classification {
  const failure = items.find(item => item.kind === 'failure')
  if (failure !== undefined) return failure
  const good = items.filter(item => item.kind === 'good')
  const [first] = good
  if (first === undefined || good.length < items.length) return NEUTRAL
  if (good.length === 1) return first
  const hasToken = good.some(item => item.hasToken)
  const counts = good.map(item => item.promptTokens).filter(count => count !== undefined)
  const isComplete = counts.length === items.length
  const promptTokens = isComplete ? sumOf(counts) : undefined
  const cached = cachedOfAll(good)
  const prompts = { kind: 'good', promptTokens, ...(cached && { cached }) } as const
  if (hasToken) return { ...prompts, hasToken }
  const isShort = good.every(item => item.tokenlessEnd === 'length')
  return { ...prompts, hasToken, tokenlessEnd: isShort ? 'length' : 'other' }
}

function cachedOfAll(items: readonly ResponseSummary[]): CachedPrompt | undefined {
  const all = items.map(({ cached }) => cached).filter(cached => cached !== undefined)
  if (all.length < items.length) return undefined
  return {
    promptTokens: sumOf(all.map(({ promptTokens }) => promptTokens)),
    cachedTokens: sumOf(all.map(({ cachedTokens }) => cachedTokens)),
  }
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Whether an event belongs to the second or a later prompt of a batch. `fast-path.ts` leaves all of these to this. */
function isLaterPrompt(payload: Json): boolean {
  return isPositive(payload['index']) || isPositive(choices(payload)[0]?.['index'])
}

function classifyValue(payload: Json): Classification {
  return findError(payload) ?? findFailedFinish(finishReasons(payload)) ?? findProgress(payload)
}

function findProgress(payload: Json): Classification {
  const usage = isObject(payload['usage']) ? payload['usage'] : {}
  const counts = [metaInfo(payload), usage]
  const cached = cachedIn(metaInfo(payload)) ?? cachedIn(usage)
  const found = cached && { cached }
  const hasToken =
    [payload, ...choices(payload)].some(hasContent) ||
    counts.some(count => isPositive(count['completion_tokens']))
  const finishes = finishReasons(payload)
  const promptTokens = counts.map(count => count['prompt_tokens']).find(count => typeof count === 'number')
  if (isBareUsage(payload) || (!hasToken && finishes.length === 0)) return neutral(promptTokens, cached)
  const prompt = { kind: 'good', promptTokens, ...found } as const
  if (hasToken) return { ...prompt, hasToken }
  const tokenlessEnd = finishes.every(isShortLength) ? 'length' : 'other'
  return { ...prompt, hasToken, tokenlessEnd }
}

function neutral(promptTokens: number | undefined, cached: CachedPrompt | undefined): Classification {
  return { kind: 'neutral', ...(promptTokens && { promptTokens }), ...(cached && { cached }) }
}

/** `meta_info` of `/generate` names the count itself, `usage` in its details. */
function cachedIn(counts: Json): CachedPrompt | undefined {
  const { prompt_tokens_details: details, prompt_tokens: promptTokens, cached_tokens: own } = counts
  return cachedPrompt(promptTokens, isObject(details) ? details['cached_tokens'] : own)
}

function isBareUsage(payload: Json): boolean {
  return 'choices' in payload && choices(payload).length === 0
}

/** `"length"` of an OpenAI endpoint, which names no number, or the object of `/generate`. */
function isShortLength(reason: unknown): boolean {
  if (!isObject(reason)) return reason === 'length'
  const { type, length } = reason
  return type === 'length' && (typeof length !== 'number' || length <= 1)
}

/** Texts in OpenAI's responses, objects in those of `/generate`; none while the generation goes on. */
function finishReasons(payload: Json): unknown[] {
  return [metaInfo(payload), ...choices(payload)].map(holder => holder['finish_reason']).filter(Boolean)
}

/** The fields in which an engine may put what it generated. */
const OUTPUT = ['content', 'text', 'output_ids', 'reasoning_content', 'reasoning', 'tool_calls']

function hasContent(holder: Json): boolean {
  const parts = [holder['delta'], holder['message'], holder].filter(isObject)
  return parts.some(part => OUTPUT.some(field => isFilled(part[field])))
}

function metaInfo(payload: Json): Json {
  return isObject(payload['meta_info']) ? payload['meta_info'] : {}
}

function choices(payload: Json): Json[] {
  return Array.isArray(payload['choices']) ? payload['choices'].filter(isObject) : []
}

function isFilled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}
