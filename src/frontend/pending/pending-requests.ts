/**
 * Requests from their head to their exchange: the body is read, then the request starts, waits for its turn or is
 * refused.
 *
 *   head ──▶ upload ──▶ waiting ──▶ exchange (`open-exchanges.ts`)
 *              └───────────┴──refused, client gone──▶ over
 */
import type { Config } from '../../config/config.ts'
import { abortedError, matchesAbort, readAbortOrder } from '../../core/abort-order.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import { isGeneration } from '../../core/endpoint.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import { Admission, deadlinePassed } from '../admission/admission.ts'
import type { AdmissionLimits } from '../admission/fleet-capacity.ts'
import { MemoryGuard } from '../admission/memory-guard.ts'
import { Ticket } from '../admission/queue.ts'
import { clientDeadlineMs } from '../intake/client-deadline.ts'
import type { RequestHead } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'
import { NO_BODY, newPendingRequest, type PendingRequest, type StartedExchange } from './pending-request.ts'
import { Uploads } from './uploads.ts'

export interface PendingRequestsOptions {
  readonly config: Config
  readonly admissionLimits: AdmissionLimits
  readonly recorder: Recorder
  readonly open: (pending: PendingRequest, holdsPermit: boolean) => StartedExchange
  readonly refuse: (pending: PendingRequest, error: GatewayError) => void
  readonly onMemoryPressure: () => void
}

/** A rid is short; nothing longer is read on the main thread. */
const ABORT_ORDER_BYTES = 65_536

export class PendingRequests {
  readonly #options: PendingRequestsOptions
  readonly #admission: Admission<PendingRequest>
  readonly #memory: MemoryGuard
  readonly #uploads: Uploads

  constructor(options: PendingRequestsOptions) {
    this.#options = options
    this.#memory = new MemoryGuard(options.config.admission.maxMemoryMb, options.onMemoryPressure)
    const { config, admissionLimits } = options
    this.#uploads = new Uploads({
      limitBytes: config.limits.bodyBytes,
      stallMs: config.timeouts.bodyMs,
      progressBytes: config.limits.bodyProgressBytes,
      onBody: (pending, body) => this.#onBody(pending, body),
      onFailed: (pending, error) => this.#refuse(pending, error),
      onGone: pending => this.#onClientGone(pending),
    })
    this.#admission = new Admission({
      maxOpen: Math.min(config.limits.openExchanges, admissionLimits.maxClients),
      config: config.admission,
      totalMs: config.timeouts.totalSecs * 1000,
      capacity: admissionLimits.capacity,
      maxLive: admissionLimits.maxLive,
      isUnderMemoryPressure: () => this.#memory.isShort,
      nowMs: monotonicNowMs,
      onTurn: pending => {
        this.#leaveQueue(pending)
        this.#start(pending, true)
      },
      onRefused: (pending, error) => {
        this.#leaveQueue(pending)
        this.#refuse(pending, error)
      },
    })
  }

  /** Requests in the house, bodies still being read included. */
  get open(): number {
    return this.#admission.open
  }

  get waiting(): number {
    return this.#admission.waiting
  }

  /** Returns why not, or `undefined` when the request is in. */
  begin(res: UwsResponse, head: RequestHead, route: ExchangeRoute): GatewayError | undefined {
    const refusal = this.#admission.enter(isGeneration(route.endpoint))
    if (refusal !== undefined) return refusal
    const pending = newPendingRequest(res, head, route, monotonicNowMs())
    if (head.method === 'GET') {
      res.onAborted(() => this.#onClientGone(pending))
      this.#start(pending, false)
    } else this.#uploads.read(pending)
    return undefined
  }

  /** The exchange of a visit has ended. */
  onExchangeDone(holdsPermit: boolean): void {
    if (holdsPermit) this.#admission.done()
    this.#admission.leave()
  }

  refuseWaiting(error: GatewayError): void {
    this.#admission.refuseAll(error)
  }

  close(): void {
    this.#admission.close()
    this.#memory.close()
    this.#uploads.close()
  }

  #onBody(pending: PendingRequest, body: Uint8Array): void {
    pending.body = body
    const { endpoint } = pending.route
    if (isGeneration(endpoint)) return this.#admit(pending)
    if (endpoint === 'abort-request') this.#abortWaiting(body)
    this.#start(pending, false)
  }

  /** A request for tokens starts, waits or is refused. */
  #admit(pending: PendingRequest): void {
    if (this.#admission.tryStart()) return this.#start(pending, true)
    const ticket = new Ticket(pending, pending.head.priority, pending.body.length, monotonicNowMs())
    pending.ticket = ticket
    const refusal = this.#admission.wait(ticket)
    if (refusal !== undefined) return this.#refuse(pending, refusal)
    this.#countWaiting()
    const deadlineMs = clientDeadlineMs(pending.head.headers)
    if (deadlineMs === undefined) return
    const leftMs = pending.receivedMs + deadlineMs - monotonicNowMs()
    pending.deadline = setTimeout(() => this.#admission.refuseOne(ticket, deadlinePassed()), leftMs)
  }

  /** No router thread knows of those that wait for their turn; who is at work is for the threads to find. */
  #abortWaiting(body: Uint8Array): void {
    if (this.#admission.waiting === 0 || body.length > ABORT_ORDER_BYTES) return
    const order = readAbortOrder(body)
    if (order === undefined || order === 'nothing') return
    this.#admission.refuse(pending => matchesAbort(order, pending.body), abortedError())
  }

  /** The queue has let go of the visit, for better or worse. */
  #leaveQueue({ ticket, deadline }: PendingRequest): void {
    clearTimeout(deadline)
    this.#countWaiting()
    if (ticket === undefined) return
    const waitedSecs = (monotonicNowMs() - ticket.sinceMs) / 1000
    this.#options.recorder.observe('pdgw_frontend_queue_wait_seconds', waitedSecs)
  }

  #countWaiting(): void {
    this.#options.recorder.set('pdgw_frontend_queue_length', this.#admission.waiting)
  }

  #start(pending: PendingRequest, holdsPermit: boolean): void {
    pending.exchange = this.#options.open(pending, holdsPermit)
    pending.body = NO_BODY
  }

  #refuse(pending: PendingRequest, error: GatewayError): void {
    this.#admission.leave()
    pending.isDone = true
    this.#options.refuse(pending, error)
  }

  #onClientGone(pending: PendingRequest): void {
    if (pending.exchange !== undefined) return pending.exchange.onClientGone()
    if (pending.isDone) return
    pending.isDone = true
    clearTimeout(pending.deadline)
    if (pending.ticket !== undefined) {
      this.#admission.withdraw(pending.ticket)
      this.#countWaiting()
    }
    this.#admission.leave()
  }
}
