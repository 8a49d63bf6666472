/** Sends one small request to one engine and collects the response. Not for generation requests. */
import type { Engine } from '../../src/core/engine.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import { ResponseBody } from '../upstream/response-body.ts'
import type { ResponseHandler, TransportError, UpstreamRequestOptions } from '../upstream/types.ts'
import type { Upstreams } from '../upstream/upstreams.ts'

export interface EngineResponse {
  readonly engine: Engine
  /** 0 if the engine could not be reached or did not respond in time. */
  readonly status: number
  readonly headers: FlatHeaders
  /** The engine's body, or an explanation if the status is 0. */
  readonly body: Buffer
}

export interface EngineCall {
  readonly method: UpstreamRequestOptions['method']
  readonly path: string
  readonly headers: FlatHeaders
  readonly body: Uint8Array | undefined
  readonly timeoutMs: number
  readonly limitBytes: number
}

/** Never rejects. Resolves with status 0 if `signal` is aborted. */
export function callEngine(
  upstreams: Upstreams,
  engine: Engine,
  call: EngineCall,
  signal: AbortSignal,
): Promise<EngineResponse> {
  return new Promise(resolve => {
    const body = new ResponseBody(call.limitBytes)
    const end = (status: number, bytes: Uint8Array): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      resolve({ engine, status, headers: body.headers, body: Buffer.from(bytes) })
    }
    const giveUp = (): void => {
      handle.abort()
      end(0, Buffer.from(`no response within ${call.timeoutMs} ms`))
    }
    const handler: ResponseHandler = {
      onHead: (status, headers) => body.start(status, headers),
      onData: bytes => void body.add(bytes),
      onEnd: () => {
        if (body.coding === undefined) return end(body.status, body.joined())
        end(
          0,
          Buffer.from(`sent its response in the content coding ${body.coding}, although none was requested`),
        )
      },
      onError: (failure: TransportError) => end(0, Buffer.from(failure.message)),
    }
    const timer = setTimeout(giveUp, call.timeoutMs)
    signal.addEventListener('abort', giveUp)
    const handle = upstreams.to(engine.url).send(call, handler)
  })
}
