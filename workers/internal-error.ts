/** The last resort: a bug of ours becomes a logged 500 for one request, and nothing else breaks. */
import { GatewayError } from '../src/core/errors.ts'
import type { Logger } from '../src/telemetry/log.ts'

export function asGatewayError(error: unknown, log: Logger): GatewayError {
  if (error instanceof GatewayError) return error
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  log.error({ error: text }, 'internal error')
  return new GatewayError('internal', 'The gateway failed on this request.', { cause: error })
}
