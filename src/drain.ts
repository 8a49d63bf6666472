/**
 * The end of a gateway that loses nothing: first readiness says no while everything is still served, then no new
 * connection is taken, then what is open may finish, and what has not by the limit is ended with an error.
 */
import { setTimeout } from 'node:timers/promises'
import { GatewayError } from './core/errors.ts'
import type { Logger } from './telemetry/log.ts'

export interface DrainOptions {
  /** How long load balancers may take to notice; at most half of `limitMs` is given. */
  readonly settleMs: number
  /** Everything is over after this. */
  readonly limitMs: number
}

/** What is asked of the parts of the gateway. */
export interface Drained {
  openRequests(): number
  /** `/readiness` says no from now on. */
  refuseReadiness(): void
  /** No new connection; the next answer is the last of each. */
  stopAccepting(): void
  /** What is open ends with the error, at the engines too. */
  endAll(error: GatewayError): void
}

const POLL_INTERVAL_MS = 20
/** For the engines to be told, and for the last bytes to leave. */
const LINGER_MS = 100

/** Resolves when nothing is open. */
export async function drain(deps: Drained, { settleMs, limitMs }: DrainOptions, log: Logger): Promise<void> {
  const endMs = performance.now() + limitMs
  log.info({ open: deps.openRequests(), limitMs }, 'draining')
  deps.refuseReadiness()
  await setTimeout(Math.min(settleMs, limitMs / 2))
  deps.stopAccepting()
  while (deps.openRequests() > 0 && performance.now() < endMs) {
    await setTimeout(POLL_INTERVAL_MS)
  }
  if (deps.openRequests() > 0) {
    log.warn({ open: deps.openRequests() }, 'grace period is over, ending what is open')
    deps.endAll(new GatewayError('shutting-down', 'the gateway is shutting down'))
    await setTimeout(LINGER_MS)
  }
  log.info({ open: deps.openRequests() }, 'drained')
}
