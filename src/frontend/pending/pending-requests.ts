/**
 * Requests from their head to their exchange: the body is read, then the request starts, waits in the admission queue or
 * is refused. A client that leaves at any time, even during the exchange, is noticed here.
 *
 *   head ──▶ upload ──▶ waiting ──▶ exchange (`open-exchanges.ts`)
 *              └───────────┴──refused, client gone──▶ done
 */

import type { Config } from '../../config/config.ts'
import { readAbortOrder } from '../../core/abort-order.ts'
import { availableMemoryBytes } from '../../core/available-memory.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import { isGeneration } from '../../core/endpoint.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import { Admission, deadlineExceeded } from '../admission/admission.ts'
import type { AdmissionLimits } from '../admission/fleet-capacity.ts'
import { MemoryGuard } from '../admission/memory-guard.ts'
import { Ticket } from '../admission/queue.ts'
import { clientDeadlineMs } from '../intake/client-deadline.ts'
import type { RequestHead } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'
import { BodyBudget } from './body-budget.ts'
import { BodyGarbage } from './body-garbage.ts'
import { heldBodyBytes, maxOpen } from './pending-limits.ts'
import { NO_BODY, newPendingRequest, type PendingRequest, type StartedExchange } from './pending-request.ts'
import { QueuedAborts } from './queued-aborts.ts'
import { outOfMemory, Uploads } from './uploads.ts'

export interface PendingRequestsOptions {
  readonly config: Config
  readonly admissionLimits: AdmissionLimits
  /** `AdmissionOptions.outage`. */
  readonly outage: () => string | undefined
  readonly recorder: Recorder
  /** Starts the exchange of a request; `onExchangeDone` is due when it ends. */
  readonly open: (pending: PendingRequest) => StartedExchange
  readonly refuse: (pending: PendingRequest, error: GatewayError) => void
  readonly onMemoryPressure: () => void
  /** Collects the garbage of all threads. */
  readonly collectGarbage: () => void
}

export class PendingRequests {
  readonly #options: PendingRequestsOptions
  readonly #admission: Admission<PendingRequest>
  readonly #queuedAborts: QueuedAborts
  readonly #memory: MemoryGuard
  readonly #uploads: Uploads
  readonly #bodies: BodyBudget
  readonly #garbage: BodyGarbage

  constructor(options: PendingRequestsOptions) {
    this.#options = options
    this.#memory = new MemoryGuard(options.config.admission.maxMemoryMb, options.onMemoryPressure)
    const { config, admissionLimits } = options
    this.#bodies = new BodyBudget(heldBodyBytes(config))
    this.#garbage = new BodyGarbage(availableMemoryBytes(), options.collectGarbage)
    this.#uploads = new Uploads({
      limits: config.limits,
      stallMs: config.timeouts.bodyMs,
      progressBytes: config.limits.bodyProgressBytes,
      budget: this.#bodies,
      onBody: (pending, body) => this.#onBody(pending, body),
      onFailed: (pending, error) => this.#refuse(pending, error),
      onDropped: bytes => this.#garbage.add(bytes),
    })
    this.#admission = new Admission({
      maxOpen: maxOpen(config, admissionLimits),
      config: config.admission,
      totalMs: config.timeouts.totalSecs * 1000,
      capacity: admissionLimits.capacity,
      outage: options.outage,
      parked: admissionLimits.parked,
      maxLive: admissionLimits.maxLive,
      isUnderMemoryPressure: () => this.#memory.isShort,
      nowMs: monotonicNowMs,
      onTurn: pending => {
        this.#queuedAborts.onTurn(pending)
        this.#onDequeued(pending)
        pending.holdsPermit = true
        this.#start(pending)
      },
      onRefused: (pending, error) => {
        this.#onDequeued(pending)
        this.#refuse(pending, error)
      },
    })
    this.#queuedAborts = new QueuedAborts({
      maxPrompts: config.limits.prompts,
      queued: () => this.#admission.queued(),
      onAborted: pending => this.#endQueued(pending),
      nowMs: monotonicNowMs,
      nextTurn: run => void setImmediate(run),
    })
  }

  /** Open requests, including those whose body is still being read. */
  get open(): number {
    return this.#admission.open
  }

  /** Requests in the admission queue. */
  get waiting(): number {
    return this.#admission.waiting
  }

  /** Takes a request over, or returns why it is refused. */
  begin(res: UwsResponse, head: RequestHead, route: ExchangeRoute): GatewayError | undefined {
    const refusal = this.#admission.enter(isGeneration(route.endpoint))
    if (refusal !== undefined) return refusal
    const pending = newPendingRequest(res, head, route, monotonicNowMs())
    res.onAborted(() => this.#onClientGone(pending))
    if (head.method === 'GET') this.#start(pending)
    else this.#upload(pending)
    return undefined
  }

  /**
   * The exchange that `open` started has ended. Until then its router thread has needed the body. `isGood`: the client's
   * response is whole and no error.
   */
  onExchangeDone(pending: PendingRequest, isGood: boolean): void {
    this.#release(pending)
    if (pending.holdsPermit) this.#admission.done(isGood)
    pending.holdsPermit = false
    this.#admission.leave()
  }

  /** Refuses all requests in the admission queue. */
  refuseWaiting(error: GatewayError): void {
    this.#admission.refuseAll(error)
  }

  close(): void {
    this.#queuedAborts.close()
    this.#admission.close()
    this.#memory.close()
    this.#uploads.close()
    this.#garbage.close()
  }

  #upload(pending: PendingRequest): void {
    const upload = this.#uploads.read(pending)
    if (upload === undefined) return this.#refuse(pending, outOfMemory())
    pending.upload = upload
  }

  #release(pending: PendingRequest): void {
    this.#bodies.release(pending.heldBytes)
    this.#garbage.add(pending.heldBytes)
    pending.heldBytes = 0
  }

  #onBody(pending: PendingRequest, body: Uint8Array): void {
    pending.upload = undefined
    pending.body = body
    pending.heldBytes = body.length
    const { endpoint } = pending.route
    if (isGeneration(endpoint)) return this.#admit(pending)
    if (endpoint === 'abort-request') this.#abortWaiting(body)
    this.#start(pending)
  }

  /** Starts, queues or refuses a generation request. */
  #admit(pending: PendingRequest): void {
    pending.holdsPermit = this.#admission.tryStart()
    if (pending.holdsPermit) return this.#start(pending)
    const ticket = new Ticket(pending, pending.head.priority, pending.body.length, monotonicNowMs())
    pending.ticket = ticket
    const refusal = this.#admission.wait(ticket)
    if (refusal !== undefined) return this.#refuse(pending, refusal)
    this.#countWaiting()
    const deadlineMs = clientDeadlineMs(pending.head.headers)
    if (deadlineMs === undefined) return
    const remainingMs = pending.receivedMs + deadlineMs - monotonicNowMs()
    pending.deadline = setTimeout(() => this.#admission.refuseOne(ticket, deadlineExceeded()), remainingMs)
  }

  /** Router threads know only the running requests. */
  #abortWaiting(body: Uint8Array): void {
    if (this.#admission.waiting === 0) return
    const order = readAbortOrder(body)
    if (order !== undefined && order !== 'nothing') this.#queuedAborts.add(order)
  }

  /** Starts a queued request, all of which is aborted, without a permit, because no engine gets it. */
  #endQueued(pending: PendingRequest): void {
    if (pending.ticket === undefined || !this.#admission.withdraw(pending.ticket)) return
    this.#onDequeued(pending)
    this.#start(pending)
  }

  /** The request has left the queue: it is about to start or to be refused. */
  #onDequeued({ ticket, deadline }: PendingRequest): void {
    clearTimeout(deadline)
    this.#countWaiting()
    if (ticket === undefined) return
    const waitedSecs = (monotonicNowMs() - ticket.sinceMs) / 1000
    this.#options.recorder.observe('pdgw_frontend_queue_wait_seconds', waitedSecs)
  }

  #countWaiting(): void {
    this.#options.recorder.set('pdgw_frontend_queue_length', this.#admission.waiting)
  }

  #start(pending: PendingRequest): void {
    pending.exchange = this.#options.open(pending)
    pending.body = NO_BODY
    pending.ridText = undefined
  }

  #refuse(pending: PendingRequest, error: GatewayError): void {
    pending.upload = undefined
    pending.isDone = true
    this.#release(pending)
    this.#admission.leave()
    this.#options.refuse(pending, error)
  }

  #onClientGone(pending: PendingRequest): void {
    if (pending.exchange !== undefined) return pending.exchange.onClientGone()
    if (pending.isDone) return
    pending.isDone = true
    pending.upload?.stop()
    this.#release(pending)
    clearTimeout(pending.deadline)
    if (pending.ticket !== undefined) {
      this.#admission.withdraw(pending.ticket)
      this.#countWaiting()
    }
    this.#admission.leave()
  }
}
