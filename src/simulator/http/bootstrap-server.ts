/** The bootstrap server of a prefill engine. It serves health and ranks; rooms are exchanged through the fabric. */

import type { Knobs } from '../settings/knobs.ts'
import { hideConnectionHeaders, sendJson } from './http-response.ts'
import { HttpListener, type IncomingRequest } from './http-server.ts'

interface BootstrapOptions {
  readonly host: string
  readonly knobs: Knobs
  readonly prefillPort: () => number
  readonly registered: () => boolean
}

export function createBootstrapServer(options: BootstrapOptions): HttpListener {
  return new HttpListener({
    host: options.host,
    keepAliveMs: () => options.knobs.keepAliveMs,
    headers: () => ({}),
    isBlackhole: () => options.knobs.blackhole,
    handle: request => respond(options, request),
  })
}

function respond(options: BootstrapOptions, request: IncomingRequest): void {
  const { response } = request
  if (request.path === '/health') {
    hideConnectionHeaders(response)
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.end('OK')
  } else if (request.path !== '/route') {
    sendJson(response, 404, '{"detail":"Not Found"}')
  } else if (options.registered()) {
    sendJson(response, 200, JSON.stringify(ranks(options)))
  } else {
    response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' })
    response.end('Prefill server not fully registered yet')
  }
}

function ranks({ knobs, prefillPort }: BootstrapOptions): object {
  return {
    attn_tp_size: 1,
    attn_cp_size: 1,
    dp_size: knobs.dpSize,
    pp_size: 1,
    page_size: knobs.pageSize,
    kv_cache_dtype: 'auto',
    follow_bootstrap_room: true,
    enable_dsa_cache_layer_split: false,
    prefill_http_port: prefillPort(),
  }
}
