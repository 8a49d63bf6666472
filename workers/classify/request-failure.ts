/** Failures without an engine: the request never reached one. Nobody is charged. Pure. */
import { GatewayError } from '../../src/core/errors.ts'
import { type Failure, failureOf, NOBODY } from './failure.ts'

const RETRY_AFTER_MS = 1000

/** The client asked to abort the request while no attempt was running. */
export function abortedFailure(): Failure {
  return failureOf('abort', NOBODY, abortedError())
}

/** The words are those of a prefill engine, the status is that of SGLang's server in Rust, which no client repeats (0.5.23). */
function abortedError(): GatewayError {
  return new GatewayError('engine-error', 'Aborted by AbortReq.', {
    status: 499,
    engineCode: 499,
    retryable: false,
  })
}

/** `missing`: the role, or any other words that go before "engine". */
export function noEngineFailure(missing: string): Failure {
  const error = new GatewayError('no-engine-available', `No ${missing} engine is available`, {
    retryAfterMs: RETRY_AFTER_MS,
  })
  return failureOf('no-engine', NOBODY, error)
}

/** No engine would serve the request: `error` says why. */
export function rejectedFailure(error: GatewayError): Failure {
  return failureOf('status', NOBODY, error)
}
