/** Routes that control an engine: health, abort, cache, profiler. */
import { type EngineState, later, type Route } from '../engine/engine-state.ts'
import { hideConnectionHeaders, sendJson } from '../http/http-response.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import { isFields } from '../request/fields.ts'
import { abortIn } from '../scheduler/tokenizer-stage.ts'

/** Generates a token and polls for it once a second, as SGLang does (2026-07): a success takes 1 s, a failure 20 s. */
export const health: Route = (engine, { response }) => {
  switch (engine.health) {
    case 'starting':
    case 'draining':
      return empty(response, 503)
    case 'stalled':
      return later(engine, engine.knobs.healthTimeoutMs, () => empty(response, 503))
    case 'up':
      return later(engine, engine.knobs.healthMinMs, () =>
        empty(response, engine.health === 'up' ? 200 : 503),
      )
    case 'dead':
    case 'blackhole':
      return
  }
}

/** Succeeds as long as the HTTP server runs. */
export const ping: Route = (_engine, { response }) => empty(response, 200)

/** Always responds with 200, even if no sequence matches. */
export const abortRequest: Route = (engine, { response, body }) => {
  engine.counters.abortCalls++
  for (const sequence of sequencesNamedIn(engine, body)) {
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

function sequencesNamedIn(engine: EngineState, body: Buffer): ReturnType<EngineState['table']['all']> {
  const fields = fieldsOf(body)
  if (fields['abort_all'] === true) return engine.table.all()
  return typeof fields['rid'] === 'string' ? engine.table.matching(fields['rid']) : []
}

function fieldsOf(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString())
    return isFields(parsed) ? parsed : {}
  } catch {
    return {}
  }
}

function empty(response: IncomingRequest['response'], status: number): void {
  if (response.destroyed) return
  hideConnectionHeaders(response)
  response.writeHead(status, { 'content-length': 0, server: 'uvicorn' })
  response.end()
}

function plain(response: IncomingRequest['response'], status: number, text: string): void {
  hideConnectionHeaders(response)
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', server: 'uvicorn' })
  response.end(text)
}

/** The response for an unknown path, or an unsupported method. */
export function notFound(request: IncomingRequest): void {
  sendJson(request.response, 404, '{"detail":"Not Found"}')
}
