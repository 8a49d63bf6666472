/** The endpoints that generate, and `/v1/messages/count_tokens`: parse a request and start its generation. */

import type { EngineState, Route } from '../engine/engine-state.ts'
import { Generation } from '../engine/generation.ts'
import { sendJson } from '../http/http-response.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import { Output } from '../http/output.ts'
import { resetSocket } from '../http/reset-socket.ts'
import { messagesPrompt } from '../request/agent-parameters.ts'
import { type Call, callOf, type Endpoint } from '../request/call.ts'
import { isFields, RequestError } from '../request/fields.ts'
import { withRankHeader } from '../request/ranks.ts'
import { inEnvelope } from '../response/api-errors.ts'
import { ChatRenderer } from '../response/chat.ts'
import { CompletionsRenderer } from '../response/completions.ts'
import {
  type ErrorResponse,
  missingModel,
  nativeErrorEvent,
  rustEnvelope,
  schemaError,
  statusError,
  unexpectedError,
  validationError,
  valueError,
} from '../response/envelopes.ts'
import { GenerateRenderer } from '../response/generate.ts'
import { MessagesRenderer } from '../response/messages.ts'
import type { RenderContext, Renderer } from '../response/renderer.ts'
import { ResponsesRenderer } from '../response/responses.ts'
import { drawFaults, type FaultPlan } from '../settings/fault-plan.ts'
import { traitsOf } from '../settings/profiles.ts'

const PRIORITY_DISABLED =
  'Using priority is disabled for this server. Please send a new request without a priority.'

export function generationRoute(endpoint: Endpoint): Route {
  return (engine, request) => {
    engine.counters.received++
    if (!engine.recordArrival(request)) return
    // The process is about to end: the request waits for a scheduler that has already left.
    if (engine.health === 'exiting') return
    const plan = drawFaults(engine.knobs, engine.random)
    if (injectFault(engine, endpoint, request, plan)) return
    try {
      startGeneration(engine, { request, call: readCall(engine, endpoint, request), plan })
    } catch (error) {
      engine.counters.failed++
      refuse(engine, { endpoint, request, error })
    }
  }
}

function injectFault(
  engine: EngineState,
  endpoint: Endpoint,
  request: IncomingRequest,
  plan: FaultPlan,
): boolean {
  if (!plan.resetsBeforeHead && plan.errorStatus === undefined) return false
  engine.counters.failed++
  if (plan.resetsBeforeHead || plan.errorStatus === undefined) {
    resetSocket(request.response.socket)
    return true
  }
  const { errorRetryAfterSeconds } = engine.knobs
  const headers = errorRetryAfterSeconds > 0 ? { 'retry-after': String(errorRetryAfterSeconds) } : {}
  const error = statusError(plan.errorStatus, `Injected status ${plan.errorStatus}`)
  const { status, body } = inEnvelope(endpoint, error)
  sendJson(request.response, status, body, headers)
  return true
}

/** Counts the tokens of a prompt that would be one of `/v1/messages`. */
export const countTokens: Route = (_engine, request) => {
  try {
    const { tokens } = messagesPrompt(parseBody('messages', request))
    sendJson(request.response, 200, JSON.stringify({ input_tokens: tokens }))
  } catch (error) {
    const { status, body } = inEnvelope('messages', responseTo(error, 'messages'))
    sendJson(request.response, status, body)
  }
}

interface Refusal {
  readonly endpoint: Endpoint
  readonly request: IncomingRequest
  readonly error: unknown
}

function refuse(engine: EngineState, { endpoint, request, error }: Refusal): void {
  const { response } = request
  const traits = traitsOf(engine.knobs)
  const isValueError = error instanceof RequestError && error.kind === 'value'
  if (
    isValueError &&
    traits.reportsValueErrorsInStream &&
    endpoint === 'generate' &&
    asksForStream(request)
  ) {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    return void response.end(`${nativeErrorEvent(error.message, traits)}data: [DONE]\n\n`)
  }
  const refusal = inEnvelope(endpoint, responseTo(error, endpoint))
  const { status, body } = traits.frontend === 'rust' ? rustEnvelope(endpoint, refusal) : refusal
  sendJson(response, status, body)
}

function responseTo(error: unknown, endpoint: Endpoint): ErrorResponse {
  if (!(error instanceof RequestError)) return unexpectedError(String(error))
  switch (error.kind) {
    case 'validation':
      return validationError(error.message)
    case 'schema':
      return schemaError(error.message)
    case 'value':
      return valueError(endpoint, error.message)
    case 'missing':
      return missingModel(error.message)
  }
}

function asksForStream({ body }: IncomingRequest): boolean {
  const fields = parseJson(body)
  return isFields(fields) && fields['stream'] === true
}

/** @throws RequestError or another error if the body is not valid. */
function readCall(engine: EngineState, endpoint: Endpoint, request: IncomingRequest): Call {
  const body = withRankHeader(endpoint, parseBody(endpoint, request), request.message.headers)
  return callOf(endpoint, body, engine.knobs)
}

function parseBody(endpoint: Endpoint, request: IncomingRequest): Readonly<Record<string, unknown>> {
  const contentType = request.message.headers['content-type'] ?? ''
  if (endpoint !== 'generate' && !contentType.toLowerCase().startsWith('application/json')) {
    throw new RequestError('validation', "Unsupported Media Type: Only 'application/json' is allowed")
  }
  const body = parseJson(request.body)
  if (!isFields(body)) {
    throw new RequestError('validation', '1 validation error: body: Input should be a valid dictionary')
  }
  return body
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    throw new RequestError('validation', `1 validation error: body: JSON decode error: ${String(error)}`)
  }
}

interface GenerationStart {
  readonly request: IncomingRequest
  readonly call: Call
  readonly plan: FaultPlan
}

function startGeneration(engine: EngineState, { request, call, plan }: GenerationStart): void {
  const createdSeconds = Math.floor(Date.now() / 1000)
  const renderer = rendererOf({ call, knobs: engine.knobs, side: engine.side, createdSeconds })
  const output = new Output(request.response, engine, plan, () => generation.abort())
  const generation = new Generation(engine, call, renderer, output)
  engine.generations.add(generation)
  request.response.once('close', () => {
    if (request.response.writableFinished) engine.generations.delete(generation)
    else generation.disconnected()
  })
  if (call.priority !== undefined && !engine.knobs.prioritySupported) {
    generation.startAborted({ message: PRIORITY_DISABLED, status: 503 })
  } else if (plan.abortsInStream) generation.startAborted({ message: 'Injected abort', status: null })
  else if (plan.errsInStream && call.isStream) generation.startFailed()
  else generation.start()
}

function rendererOf(context: RenderContext): Renderer {
  switch (context.call.endpoint) {
    case 'generate':
      return new GenerateRenderer(context)
    case 'chat':
      return new ChatRenderer(context)
    case 'completions':
      return new CompletionsRenderer(context)
    case 'responses':
      return new ResponsesRenderer(context)
    case 'messages':
      return new MessagesRenderer(context)
  }
}
