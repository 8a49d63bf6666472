/**
 * OpenAI's Responses, as SGLang (0.5.23, `openai/serving_responses.py`) and vLLM (0.32.0) serve it.
 *
 *   response.created · response.in_progress · response.output_item.added · … · response.output_text.delta* · … ·
 *   response.completed | response.incomplete | response.failed
 *
 * One of the last three is the end. With status 200, a response whose `status` is "failed" reports its failure in `error`;
 * every other one has `"error": null`. SGLang repeats a failure of its scheduler with status 400 and the real one in the
 * message: `500: KVTransferError(…)`.
 */
import type { Json } from '../../src/core/text/parse-json.ts'
import { type Classification, NEUTRAL } from './classification.ts'
import { type Dialect, type ErrorMeaning, literalMeaning } from './dialect.ts'
import { textOf } from './error-inside-200.ts'
import { classifyTyped, countAt, endingWith, endOf, listAt, objectAt, promptOnly } from './named-event.ts'
import { cachedPrompt } from './response-summary.ts'

const ENDS = ['response.completed', 'response.incomplete', 'response.failed']

/** `str(HTTPException)`. */
const WITH_STATUS = /^(\d{3}): (.+)$/s

export const RESPONSES_DIALECT: Dialect = {
  // Only events that hold the whole response have an `error`, and few of them are sent.
  ...endingWith(ENDS),
  // `response.created` and `response.in_progress` repeat instructions and tools, the latter with their defaults.
  echoes: 4,
  classifyBody: text =>
    classifyTyped(text, body => (body['object'] === 'response' ? responseOf(body) : undefined)),
  classifyData: text => classifyTyped(text, eventOf),
  meaningOf,
}

function meaningOf(status: number, message: string): ErrorMeaning {
  const [, inner, text] = WITH_STATUS.exec(message) ?? []
  const real = Number(inner)
  return text === undefined || real < 400 || real > 599
    ? literalMeaning(status, message)
    : literalMeaning(real, text)
}

function eventOf(event: Json): Classification | undefined {
  const type = textOf(event['type'])
  if (ENDS.includes(type)) return responseOf(objectAt(event, 'response'))
  if (!type.endsWith('.delta')) return undefined
  return textOf(event['delta']) === '' ? NEUTRAL : { kind: 'good', hasToken: true, promptTokens: undefined }
}

function responseOf(response: Json): Classification {
  const usage = objectAt(response, 'usage')
  const promptTokens = countAt(usage, 'input_tokens')
  const cached = cachedPrompt(promptTokens, objectAt(usage, 'input_tokens_details')['cached_tokens'])
  switch (response['status']) {
    case 'failed':
      return failureOf(objectAt(response, 'error'))
    case 'completed':
    case 'incomplete':
    case 'cancelled': {
      const hasToken = countAt(usage, 'output_tokens') !== undefined || listAt(response, 'output').length > 0
      return endOf(hasToken, promptTokens, cached)
    }
    default:
      return promptOnly(promptTokens)
  }
}

/** Its `code` is a word for clients ("server_error"), not a status. */
function failureOf(error: Json): Classification {
  const said = textOf(error['message'])
  const { status, message } = meaningOf(500, said)
  const isAbort = /^(?:Aborted|Generation aborted)/.test(message)
  // Of an abort that a client has asked for, engines name no status.
  return isAbort
    ? { kind: 'failure', what: 'abort', message, status: undefined }
    : { kind: 'failure', what: 'error-event', message, status }
}
