/**
 * What one payload of an engine means: an event of a stream, or a whole body. Pure.
 *
 * Knows the shapes in which SGLang says inside a 200 that it failed (2026-02 to 2026-07): an error object, an abort
 * as `finish_reason` text, an abort as `meta_info.finish_reason` object.
 */
export type Verdict =
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

type Json = Record<string, unknown>

/** `text` is the JSON of one event's data, or of one body that is an object. */
export function judgePayload(text: string): Verdict {
  const payload = parse(text)
  return payload === undefined ? protocolFailure(text) : judge(payload)
}

/** A body: an object, or an array of them for a batch of `/generate`. */
export function judgeBodyText(text: string): Verdict {
  const body = parseAny(text)
  if (!Array.isArray(body)) return isObject(body) ? judge(body) : protocolFailure(text)
  const verdicts = body.map(item => (isObject(item) ? judge(item) : protocolFailure(text)))
  return verdicts.find(verdict => verdict.kind === 'failure') ?? verdicts[0] ?? { kind: 'neutral' }
}

function judge(payload: Json): Verdict {
  return findError(payload) ?? findAbort(payload) ?? findProgress(payload)
}

function findError(payload: Json): Verdict | undefined {
  const { error } = payload
  const told = isObject(error) ? error : payload['object'] === 'error' ? payload : undefined
  if (told === undefined) return typeof error === 'string' ? errorVerdict(error, undefined) : undefined
  return errorVerdict(textOf(told['message']), told['code'])
}

function errorVerdict(message: string, code: unknown): Verdict {
  return {
    kind: 'failure',
    what: 'error-event',
    message,
    status: typeof code === 'number' ? code : undefined,
  }
}

function findAbort(payload: Json): Verdict | undefined {
  const { finish_reason: reason } = metaInfo(payload)
  if (isObject(reason) && reason['type'] === 'abort') {
    const status = reason['status_code']
    const message = textOf(reason['message'])
    return {
      kind: 'failure',
      what: 'abort',
      message,
      status: typeof status === 'number' ? status : undefined,
    }
  }
  const isAborted = choices(payload).some(choice => choice['finish_reason'] === 'abort')
  return isAborted ? { kind: 'failure', what: 'abort', message: '', status: undefined } : undefined
}

function findProgress(payload: Json): Verdict {
  const promptTokens = metaInfo(payload)['prompt_tokens'] ?? usageOf(payload)['prompt_tokens']
  const isBareUsage = 'choices' in payload && choices(payload).length === 0
  const hasToken = !isBareUsage && showsToken(payload)
  if (!hasToken && !isFinished(payload)) return { kind: 'neutral' }
  return { kind: 'good', hasToken, promptTokens: numberOf(promptTokens) }
}

function showsToken(payload: Json): boolean {
  return (
    isFilled(payload['text']) ||
    isFilled(payload['output_ids']) ||
    choices(payload).some(choiceHasToken) ||
    isPositive(usageOf(payload)['completion_tokens']) ||
    isPositive(metaInfo(payload)['completion_tokens'])
  )
}

function isFinished(payload: Json): boolean {
  return (
    isObject(metaInfo(payload)['finish_reason']) || choices(payload).some(choice => choice['finish_reason'])
  )
}

function choiceHasToken(choice: Json): boolean {
  const said = [choice['delta'], choice['message'], choice].filter(isObject)
  return said.some(part =>
    [part['content'], part['text'], part['reasoning_content'], part['reasoning'], part['tool_calls']].some(
      isFilled,
    ),
  )
}

function metaInfo(payload: Json): Json {
  return isObject(payload['meta_info']) ? payload['meta_info'] : {}
}

function usageOf(payload: Json): Json {
  return isObject(payload['usage']) ? payload['usage'] : {}
}

function choices(payload: Json): Json[] {
  return Array.isArray(payload['choices']) ? payload['choices'].filter(isObject) : []
}

function protocolFailure(text: string): Verdict {
  const message = `The engine sent something that is not JSON: ${text.slice(0, 100)}`
  return { kind: 'failure', what: 'protocol', message, status: undefined }
}

function parse(text: string): Json | undefined {
  const value = parseAny(text)
  return isObject(value) ? value : undefined
}

function parseAny(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFilled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
