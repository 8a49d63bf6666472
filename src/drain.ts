/**
 * Shuts a gateway down without losing requests: `/readiness` fails first while everything is still served, then no new
 * connection is accepted, then open requests may finish. Requests that are still open at the limit end with an error.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from './core/errors.ts'
import { pollUntil } from './core/poll.ts'
import type { Logger } from './telemetry/log.ts'

export interface DrainOptions {
  /** Time for load balancers to notice that `/readiness` fails; at most half of `limitMs` is used. */
  readonly settleMs: number
  /** Time for the whole drain. */
  readonly limitMs: number
}

/** The parts of the gateway that a drain needs. */
export interface Drained {
  openRequests(): number
  /** `/readiness` fails from now on. */
  refuseReadiness(): void
  /** No new connection is accepted, and the next response on an open one is its last. */
  stopAccepting(): void
  /** Ends open requests with the error and aborts them on their engines. */
  endAll(error: GatewayError): void
}

const POLL_INTERVAL_MS = 20
/** Time for aborts to reach the engines, for the last bytes to reach clients, and for clients to close first. */
const LINGER_MS = 100

/** Resolves when nothing is open. */
export async function drain(deps: Drained, { settleMs, limitMs }: DrainOptions, log: Logger): Promise<void> {
  const endMs = performance.now() + limitMs
  log.info({ open: deps.openRequests(), limitMs }, 'draining')
  deps.refuseReadiness()
  await delay(Math.min(settleMs, limitMs / 2))
  deps.stopAccepting()
  const allDone = (): boolean => deps.openRequests() === 0
  if (!(await pollUntil(allDone, POLL_INTERVAL_MS, endMs - performance.now()))) {
    log.warn({ open: deps.openRequests() }, 'grace period is over, ending open requests')
    deps.endAll(new GatewayError('shutting-down', 'The gateway is shutting down'))
  }
  await delay(LINGER_MS)
  log.info({ open: deps.openRequests() }, 'drained')
}
