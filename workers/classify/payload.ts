/**
 * What one payload of an engine means: an event of a stream, or a whole body. Pure.
 *
 * Knows the shapes in which SGLang says inside a 200 that it failed (2026-02 to 2026-07): an error object, an abort
 * as `finish_reason` text, an abort as `meta_info.finish_reason` object.
 */
import { isObject, type Json, parseJson, parseObject } from '../json/parse.ts'

export type Classification =
  /** A role, a usage count, a comment: says nothing yet. */
  | { readonly kind: 'neutral' }
  /** A token, or a finish that is not an abort. */
  | { readonly kind: 'good'; readonly hasToken: boolean; readonly promptTokens: number | undefined }
  | {
      readonly kind: 'failure'
      readonly what: 'error-event' | 'abort' | 'protocol'
      readonly message: string
      readonly status: number | undefined
    }

/** `text` is the JSON of one event's data. */
export function classifyPayload(text: string): Classification {
  const payload = parseObject(text)
  if (payload === undefined) return protocolFailure(text)
  const verdict = classifyValue(payload)
  // Prompts of a batch differ, and their events come in any order: only those of the first can be compared.
  return verdict.kind === 'good' && isOfLaterPrompt(payload)
    ? { ...verdict, promptTokens: undefined }
    : verdict
}

/** A body: an object, or an array of them for a batch of `/generate`. */
export function classifyBody(text: string): Classification {
  const body = parseJson(text)
  const items: unknown[] = Array.isArray(body) ? body : [body]
  return together(items.map(item => (isObject(item) ? classifyValue(item) : protocolFailure(text))))
}

/** One failure spoils the whole; prompt tokens are added up, tokens may be anywhere. */
function together(classifications: readonly Classification[]): Classification {
  const failure = classifications.find(verdict => verdict.kind === 'failure')
  if (failure !== undefined) return failure
  const good = classifications.filter(verdict => verdict.kind === 'good')
  if (good.length === 0) return { kind: 'neutral' }
  const counts = good.map(verdict => verdict.promptTokens).filter(count => count !== undefined)
  const isComplete = counts.length === classifications.length
  return {
    kind: 'good',
    hasToken: good.some(verdict => verdict.hasToken),
    promptTokens: isComplete ? counts.reduce((sum, count) => sum + count, 0) : undefined,
  }
}

function isOfLaterPrompt(payload: Json): boolean {
  return isPositive(payload['index']) || isPositive(choices(payload)[0]?.['index'])
}

function classifyValue(payload: Json): Classification {
  return findError(payload) ?? findAbort(payload) ?? findProgress(payload)
}

function findError(payload: Json): Classification | undefined {
  const { error } = payload
  const told = isObject(error) ? error : payload['object'] === 'error' ? payload : undefined
  if (told !== undefined) {
    const status = statusOf(told['code']) ?? statusOf(told['status_code'])
    return { kind: 'failure', what: 'error-event', message: textOf(told['message']), status }
  }
  if (error === undefined || error === null || error === false) return undefined
  const message = typeof error === 'string' ? error : JSON.stringify(error)
  return { kind: 'failure', what: 'error-event', message, status: undefined }
}

function findAbort(payload: Json): Classification | undefined {
  for (const reason of finishReasons(payload)) {
    const told = isObject(reason) ? reason : { type: reason }
    if (told['type'] !== 'abort') continue
    const status = statusOf(told['status_code'])
    return { kind: 'failure', what: 'abort', message: textOf(told['message']), status }
  }
  return undefined
}

function findProgress(payload: Json): Classification {
  const usage = isObject(payload['usage']) ? payload['usage'] : {}
  const counts = [metaInfo(payload), usage]
  const isBareUsage = 'choices' in payload && choices(payload).length === 0
  const hasToken =
    [payload, ...choices(payload)].some(hasContent) ||
    counts.some(count => isPositive(count['completion_tokens']))
  const isFinished = finishReasons(payload).length > 0
  if (isBareUsage || (!hasToken && !isFinished)) return { kind: 'neutral' }
  const promptTokens = counts.map(count => count['prompt_tokens']).find(count => typeof count === 'number')
  return { kind: 'good', hasToken, promptTokens }
}

/** Text in the case of OpenAI, an object in that of `/generate`; nothing while the answer goes on. */
function finishReasons(payload: Json): unknown[] {
  return [metaInfo(payload), ...choices(payload)].map(holder => holder['finish_reason']).filter(Boolean)
}

/** Wherever an engine puts what it made. */
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

function protocolFailure(text: string): Classification {
  const message = `The engine sent something that is not JSON: ${text.slice(0, 100)}`
  return { kind: 'failure', what: 'protocol', message, status: undefined }
}

function isFilled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}

/** An HTTP error status, however it is written. */
function statusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' ? Number(value) : value
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
