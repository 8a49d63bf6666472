/**
 * The canned engine: a fast upstream without state, for measuring the CPU of a gateway.
 *
 * Unlike the simulator it has no rendezvous, no queue and no failures, and it reads only the stream flag of a body.
 */

import { type Api, bodyOf, DONE, eventsOf } from './responses.ts'
import { StreamFlag } from './stream-flag.ts'
import { Streams } from './streams.ts'
import type { UwsApp, UwsRequest, UwsResponse } from './uws.ts'

export type Role = 'prefill' | 'decode'

const PATHS: Record<string, Api> = {
  '/generate': 'generate',
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completions',
}

export interface CannedEngine {
  /** Adds the routes of a role to an app, which may listen on several ports. */
  mount(app: UwsApp, role: Role): void
}

/** All roles of a process share the stream counts and the pace. */
export function createCannedEngine(chunks: number, intervalMs: number): CannedEngine {
  const streams = new Streams(intervalMs)
  return {
    mount(app, role) {
      for (const [path, api] of Object.entries(PATHS)) mountApi(app, path, api, role)
      mountInfo(app, role)
      mountPace(app, streams)
    },
  }

  function mountApi(app: UwsApp, path: string, api: Api, role: Role): void {
    const body = bodyOf(api)
    const events = eventsOf(api, chunks)
    const prefillStream = Buffer.concat([events[0] ?? Buffer.alloc(0), Buffer.from(DONE)])
    app.post(path, response => {
      response.onAborted(() => streams.drop(response))
      whenBodyRead(response, isStream => {
        if (!isStream) response.writeHeader('content-type', 'application/json').end(body)
        else if (role === 'decode') streams.start(response, events)
        else response.writeHeader('content-type', 'text/event-stream; charset=utf-8').end(prefillStream)
      })
    })
  }
}

/** Calls `done` once, corked. */
function whenBodyRead(response: UwsResponse, done: (isStream: boolean) => void): void {
  const flag = new StreamFlag()
  response.onData((part, isLast) => {
    const isStream = flag.scan(Buffer.from(part))
    if (isLast) response.cork(() => done(isStream))
  })
}

function mountInfo(app: UwsApp, role: Role): void {
  const info = {
    model_path: 'canned',
    served_model_name: 'canned',
    tp_size: 1,
    dp_size: 1,
    disaggregation_mode: role,
    disaggregation_bootstrap_port: 8998,
    max_running_requests: 1_000_000,
    max_req_input_len: 1_000_000,
    max_total_num_tokens: 1_000_000_000,
    incremental_streaming_output: true,
    status: 'ready',
    version: 'canned',
    internal_states: [],
  }
  const model = { id: 'canned', object: 'model', created: 1_785_000_000, owned_by: 'canned', root: 'canned' }
  app.get('/server_info', sendJson(info))
  app.get('/v1/models', sendJson({ object: 'list', data: [model] }))
  for (const path of ['/health', '/health_generate', '/ping'])
    app.get(path, response => void response.end(''))
  app.any('/abort_request', response => {
    response.onAborted(() => undefined)
    whenBodyRead(response, () => response.end(''))
  })
}

/** `POST /canned/pace?interval-ms=2` sets the pace of streams; `GET /canned/counts` returns the counts. */
function mountPace(app: UwsApp, streams: Streams): void {
  app.get('/canned/counts', response => sendJson(streams.counts)(response))
  app.post('/canned/pace', (response: UwsResponse, request: UwsRequest) => {
    const intervalMs = Number(new URLSearchParams(request.getQuery()).get('interval-ms') ?? Number.NaN)
    if (!(intervalMs >= 0)) return void response.writeStatus('400 Bad Request').end('')
    streams.intervalMs = intervalMs
    response.end('')
  })
}

function sendJson(value: object): (response: UwsResponse) => void {
  const text = JSON.stringify(value)
  return response => void response.writeHeader('content-type', 'application/json').end(text)
}
