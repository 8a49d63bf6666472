/** Turns any thrown value into an error for the client. A bug of the gateway is logged and fails one request with 500. */
import { GatewayError } from '../src/core/errors.ts'
import type { Logger } from '../src/telemetry/log.ts'

export function asGatewayError(error: unknown, log: Logger): GatewayError {
  if (error instanceof GatewayError) return error
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  log.error({ error: text }, 'internal error')
  return new GatewayError('internal', 'The gateway failed to process this request', { cause: error })
}
