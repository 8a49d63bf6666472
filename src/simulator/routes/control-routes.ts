/** Routes that control an engine: health, abort, cache, profiler. */
import { type EngineState, later, type Route } from '../engine/engine-state.ts'
import { hideConnectionHeaders, sendJson } from '../http/http-response.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import { type Fields, isFields } from '../request/fields.ts'
import { validationError } from '../response/envelopes.ts'
import { abortIn } from '../scheduler/tokenizer-stage.ts'
import type { Sequence } from '../sequence/sequence.ts'
import { traitsOf } from '../settings/profiles.ts'

/** Generates a token and polls for it once a second, as SGLang does (2026-07): a success takes 1 s, a failure 20 s. */
export const health: Route = (engine, { response }) => {
  switch (engine.health) {
    case 'starting':
    case 'draining':
    case 'exiting':
      return empty(response, 503)
    case 'stalled':
      return later(engine, engine.knobs.healthTimeoutMs, () => empty(response, 503))
    case 'up':
      return later(engine, engine.knobs.healthMinMs, () =>
        empty(response, engine.health === 'up' ? 200 : 503),
      )
    case 'dead':
    case 'blackhole':
    case 'scheduler-crashed':
      return
  }
}

/** Succeeds as long as the HTTP server runs. */
export const ping: Route = (_engine, { response }) => empty(response, 200)

/** Responds with 200 even if no sequence matches, and from SGLang 0.5.23 on with 400 to a body that is not valid. */
export const abortRequest: Route = (engine, { response, body }) => {
  engine.counters.abortCalls++
  const fields = fieldsOf(body)
  const isValid =
    fields !== undefined && ['string', 'undefined'].includes(typeof (fields['rid'] ?? undefined))
  if (!isValid && traitsOf(engine.knobs).checksSchema) {
    const { status, body: text } = validationError(
      '1 validation error: body.rid: Input should be a valid string',
    )
    return sendJson(response, status, text)
  }
  for (const sequence of sequencesNamedIn(engine, fields ?? {})) {
    if (sequence.ending !== undefined) continue
    engine.counters.aborted++
    abortIn(engine.scheduler, sequence)
  }
  empty(response, 200)
}

export const flushCache: Route = (engine, { response }) => {
  if (engine.table.size > 0) {
    return plain(response, 400, 'Flush cache failed: there are running or waiting requests.\n')
  }
  engine.scheduler.clearCache()
  plain(response, 200, 'Cache flushed.\nPlease check backend logs for more details.\n')
}

export const startProfile: Route = (_engine, { response }) => plain(response, 200, 'Start profiling.\n')

export const stopProfile: Route = (_engine, { response }) =>
  plain(response, 200, 'Stop profiling. This will take some time.\n')

function sequencesNamedIn(engine: EngineState, { abort_all: all, rid }: Fields): readonly Sequence[] {
  if (all === true) return engine.table.all()
  if (typeof rid !== 'string') return []
  const isRust = traitsOf(engine.knobs).frontend === 'rust'
  return isRust ? engine.table.named(rid) : engine.table.matching(rid)
}

function fieldsOf(body: Buffer): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString())
    return isFields(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function empty(response: IncomingRequest['response'], status: number): void {
  if (response.destroyed) return
  hideConnectionHeaders(response)
  response.writeHead(status, { 'content-length': 0 })
  response.end()
}

function plain(response: IncomingRequest['response'], status: number, text: string): void {
  hideConnectionHeaders(response)
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}

/** The response for an unknown path. */
export function notFound({ response }: IncomingRequest): void {
  sendJson(response, 404, '{"detail":"Not Found"}')
}

/** The response for a method that a known path does not have. */
export function methodNotAllowed({ response }: IncomingRequest, allowed: readonly string[]): void {
  sendJson(response, 405, '{"detail":"Method Not Allowed"}', { allow: allowed.join(', ') })
}
