/**
 * Requests from their head to their exchange: the body is read, then the request starts, waits for its turn or is
 * refused.
 *
 *   head ──▶ upload ──▶ waiting ──▶ exchange (`open-exchanges.ts`)
 *              └───────────┴──refused, client gone──▶ over
 */
import type { Config } from '../../config/config.ts'
import { abortedError, isMeant, readAbortOrder } from '../../core/abort-order.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import { isGeneration } from '../../core/endpoint.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import { Admission, deadlinePassed } from '../admission/admission.ts'
import type { FrontendPlaces } from '../admission/fleet-capacity.ts'
import { MemoryGuard } from '../admission/memory-guard.ts'
import { Ticket } from '../admission/queue.ts'
import { ownDeadlineMs } from '../intake/client-deadline.ts'
import type { Intake } from '../intake/request-head.ts'
import type { ExchangeRoute } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'
import { NO_BODY, newVisit, type StartedExchange, type Visit } from './pending-request.ts'
import { Uploads } from './uploads.ts'

export interface VisitsOptions {
  readonly config: Config
  readonly places: FrontendPlaces
  readonly recorder: Recorder
  readonly open: (visit: Visit, hasPlace: boolean) => StartedExchange
  readonly refuse: (visit: Visit, error: GatewayError) => void
  readonly onMemoryShort: () => void
}

/** A rid is short; nothing longer is read on the main thread. */
const ABORT_ORDER_BYTES = 65_536

export class Visits {
  readonly #options: VisitsOptions
  readonly #admission: Admission<Visit>
  readonly #memory: MemoryGuard
  readonly #uploads: Uploads

  constructor(options: VisitsOptions) {
    this.#options = options
    this.#memory = new MemoryGuard(options.config.admission.maxMemoryMb, options.onMemoryShort)
    const { config, places } = options
    this.#uploads = new Uploads({
      limitBytes: config.limits.bodyBytes,
      stallMs: config.timeouts.bodyMs,
      progressBytes: config.limits.bodyProgressBytes,
      onBody: (visit, body) => this.#take(visit, body),
      onFailed: (visit, error) => this.#refuse(visit, error),
      onGone: visit => this.#clientGone(visit),
    })
    this.#admission = new Admission({
      maxOpen: Math.min(config.limits.openExchanges, places.maxClients),
      config: config.admission,
      totalMs: config.timeouts.totalSecs * 1000,
      capacity: places.capacity,
      maxLive: places.maxLive,
      isMemoryShort: () => this.#memory.isShort,
      nowMs: monotonicNowMs,
      onTurn: visit => {
        this.#waited(visit)
        this.#start(visit, true)
      },
      onRefused: (visit, error) => {
        this.#waited(visit)
        this.#refuse(visit, error)
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
  begin(res: UwsResponse, intake: Intake, route: ExchangeRoute): GatewayError | undefined {
    const refusal = this.#admission.enter(isGeneration(route.endpoint))
    if (refusal !== undefined) return refusal
    const visit = newVisit(res, intake, route, monotonicNowMs())
    if (intake.method === 'GET') {
      res.onAborted(() => this.#clientGone(visit))
      this.#start(visit, false)
    } else this.#uploads.read(visit)
    return undefined
  }

  /** The exchange of a visit has ended. */
  exchangeOver(hasPlace: boolean): void {
    if (hasPlace) this.#admission.done()
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

  #take(visit: Visit, body: Uint8Array): void {
    visit.body = body
    const { endpoint } = visit.route
    if (isGeneration(endpoint)) return this.#admit(visit)
    if (endpoint === 'abort-request') this.#abortWaiting(body)
    this.#start(visit, false)
  }

  /** A request for tokens starts, waits or is refused. */
  #admit(visit: Visit): void {
    if (this.#admission.tryStart()) return this.#start(visit, true)
    const ticket = new Ticket(visit, visit.intake.priority, visit.body.length, monotonicNowMs())
    visit.ticket = ticket
    const refusal = this.#admission.wait(ticket)
    if (refusal !== undefined) return this.#refuse(visit, refusal)
    this.#countWaiting()
    const ownMs = ownDeadlineMs(visit.intake.headers)
    if (ownMs === undefined) return
    const leftMs = visit.sinceMs + ownMs - monotonicNowMs()
    visit.deadline = setTimeout(() => this.#admission.refuseOne(ticket, deadlinePassed()), leftMs)
  }

  /** No router thread knows of those that wait for their turn; who is at work is for the threads to find. */
  #abortWaiting(body: Uint8Array): void {
    if (this.#admission.waiting === 0 || body.length > ABORT_ORDER_BYTES) return
    const order = readAbortOrder(body)
    if (order === undefined || order === 'nothing') return
    this.#admission.refuse(visit => isMeant(order, visit.body), abortedError())
  }

  /** The queue has let go of the visit, for better or worse. */
  #waited({ ticket, deadline }: Visit): void {
    clearTimeout(deadline)
    this.#countWaiting()
    if (ticket === undefined) return
    const waitedSecs = (monotonicNowMs() - ticket.sinceMs) / 1000
    this.#options.recorder.observe('pdgw_frontend_queue_wait_seconds', waitedSecs)
  }

  #countWaiting(): void {
    this.#options.recorder.set('pdgw_frontend_queue_length', this.#admission.waiting)
  }

  #start(visit: Visit, hasPlace: boolean): void {
    visit.exchange = this.#options.open(visit, hasPlace)
    visit.body = NO_BODY
  }

  #refuse(visit: Visit, error: GatewayError): void {
    this.#admission.leave()
    visit.isOver = true
    this.#options.refuse(visit, error)
  }

  #clientGone(visit: Visit): void {
    if (visit.exchange !== undefined) return visit.exchange.clientGone()
    if (visit.isOver) return
    visit.isOver = true
    clearTimeout(visit.deadline)
    if (visit.ticket !== undefined) {
      this.#admission.withdraw(visit.ticket)
      this.#countWaiting()
    }
    this.#admission.leave()
  }
}
