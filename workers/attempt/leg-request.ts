/** The request of one leg on its connection, with the lease that counts it on its engine. */
import type { Engine } from '../../src/core/engine.ts'
import type { Lease } from '../../src/shared/leases.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from '../upstream/types.ts'
import type { RouterMetrics } from './metrics.ts'
import type { AttemptPlan } from './plan.ts'

export interface LegDependencies {
  /** Implemented by `Upstreams`. */
  readonly upstreams: {
    to(url: string): { send(request: UpstreamRequestOptions, handler: ResponseHandler): RequestHandle }
  }
  readonly metrics: Pick<RouterMetrics, 'legUnsent'>
}

export class LegRequest {
  readonly #engine: Engine
  readonly #lease: Lease
  readonly #dependencies: LegDependencies
  #handle: RequestHandle | undefined

  constructor(engine: Engine, lease: Lease, dependencies: LegDependencies) {
    this.#engine = engine
    this.#lease = lease
    this.#dependencies = dependencies
  }

  /** May call the handler before it returns. */
  send(plan: AttemptPlan, handler: ResponseHandler): void {
    const { path, headers, freshConnection } = plan
    const body = (this.#engine === plan.prefill && plan.prefillBody) || plan.body
    const request = { method: 'POST', path, headers, body, freshConnection } as const
    this.#handle = this.#dependencies.upstreams.to(this.#engine.url).send(request, handler)
  }

  pause(): void {
    this.#handle?.pause()
  }

  resume(): void {
    this.#handle?.resume()
  }

  /** Gives the engine's capacity back. The connection is not touched. */
  release(): void {
    this.#lease.release()
  }

  /** The response is complete, even if its HTTP body has not ended: nothing of it is awaited any more. */
  leave(): void {
    this.#handle?.leave()
  }

  /** Closes the connection if the response is not complete, and releases the lease. */
  end(): void {
    this.#handle?.abort()
    this.#lease.release()
    if (this.#handle?.wasSent !== true) this.#dependencies.metrics.legUnsent(this.#engine)
  }
}
