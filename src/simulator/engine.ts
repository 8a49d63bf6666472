/**
 * One simulated engine: its listener, its scheduler and the state of its process.
 *
 * A crash discards everything that a process would lose. Knobs, counters and logs belong to the observer and are kept.
 */

import { type Random, seededRandom } from '../core/random.ts'
import type { SimClock, TimerHandle } from './clock/clock.ts'
import { createRanks, type EngineRanks } from './engine/engine-ranks.ts'
import {
  type EngineState,
  type HealthState,
  later,
  type Role,
  SILENT,
  STOPPED,
} from './engine/engine-state.ts'
import { FirstTokenLog } from './engine/first-token-log.ts'
import type { Generation } from './engine/generation.ts'
import { Shutdown } from './engine/shutdown.ts'
import { createBootstrapServer } from './http/bootstrap-server.ts'
import { HttpListener, type IncomingRequest } from './http/http-server.ts'
import { route } from './routes/routes.ts'
import { type Counters, newCounters } from './sequence/counters.ts'
import type { LogprobSide } from './sequence/logprobs.ts'
import { RequestTable } from './sequence/request-table.ts'
import type { Scheduler } from './sequence/scheduler.ts'
import type { Knobs } from './settings/knobs.ts'
import { traitsOf } from './settings/profiles.ts'
import type { Fabric } from './transfer/fabric.ts'
import { RoomLog } from './transfer/room-log.ts'

export interface EngineOptions {
  readonly role: Role
  /** Index among all engines of the fleet. It is part of the seed, so that each engine has its own random numbers. */
  readonly index: number
  readonly host: string
  readonly knobs: Knobs
  readonly clock: SimClock
  readonly fabric: Fabric
}

/** A request as it was received. */
export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingRequest['message']['headers']
  readonly body: Buffer
}

/** Which logprobs an engine of this role returns. */
function sideOf(role: Role, knobs: Knobs): LogprobSide {
  return role === 'decode'
    ? { hasInput: false, firstIdsRow: traitsOf(knobs).firstIdsRow }
    : { hasInput: true, firstIdsRow: 'known' }
}

const SERVER_HEADERS = { python: { server: 'uvicorn', vary: 'Origin' }, rust: {} }

export class SimEngine implements EngineState {
  readonly role: Role
  /** May be changed while the engine runs. */
  readonly knobs: Knobs
  readonly clock: SimClock
  readonly random: Random
  readonly side: LogprobSide
  readonly scheduler: Scheduler
  readonly schedulers: readonly Scheduler[]
  readonly table = new RequestTable()
  readonly counters: Counters = newCounters()
  readonly generations = new Set<Generation>()
  readonly timers = new Set<TimerHandle>()
  /** The latest generation requests, oldest first; as many as the knob `recordBodies` says. */
  readonly received: RecordedRequest[] = []
  readonly rooms = new RoomLog()
  readonly firstTokens = new FirstTokenLog()
  readonly #fabric: Fabric
  readonly #host: string
  readonly #listener: HttpListener
  readonly #bootstrap: HttpListener | undefined
  readonly #ranks: EngineRanks
  readonly #shutdown: Shutdown
  #health: HealthState = 'starting'
  #restartTimer: TimerHandle | undefined
  #closed = false

  constructor(options: EngineOptions) {
    const { role, host, knobs, clock, fabric } = options
    this.role = role
    this.knobs = knobs
    this.clock = clock
    this.random = seededRandom(knobs.seed * 1000 + options.index)
    this.side = sideOf(role, knobs)
    this.#fabric = fabric
    this.#host = host
    this.#listener = new HttpListener({
      host,
      keepAliveMs: () => knobs.keepAliveMs,
      headers: () => SERVER_HEADERS[traitsOf(knobs).frontend],
      isBlackhole: () => SILENT.has(this.#health) || knobs.blackhole,
      handle: request => route(this, request),
    })
    this.#shutdown = new Shutdown(this, {
      setHealth: state => {
        this.#health = state
      },
      closed: () => this.#listener.closed(),
      terminate: () => this.#terminate(),
    })
    this.#ranks = createRanks(role, this, fabric)
    this.scheduler = this.#ranks.scheduler
    this.schedulers = this.#ranks.schedulers
    if (role === 'prefill') {
      this.#bootstrap = createBootstrapServer({
        host,
        knobs,
        prefillPort: () => this.port,
        registered: () => this.#ranks.prefill?.registered === true,
      })
    }
  }

  get url(): string {
    return `http://${this.name}`
  }

  get name(): string {
    return `${this.#host}:${this.port}`
  }

  get port(): number {
    return this.#listener.port
  }

  get bootstrapPort(): number {
    return this.#bootstrap?.port ?? 0
  }

  get health(): HealthState {
    return this.#health
  }

  /** Number of open connections. */
  get sockets(): number {
    return this.#listener.sockets
  }

  /** Number of sequences in any state. */
  running(): number {
    return this.table.size
  }

  /** Starts to listen on both ports; 0 takes a free one. @throws if a port is in use. */
  async start(port: number, bootstrapPort: number): Promise<void> {
    await this.#listener.open(port)
    await this.#bootstrap?.open(bootstrapPort)
    const { prefill, decodes } = this.#ranks
    if (prefill !== undefined) {
      this.#fabric.register(this.#host, this.bootstrapPort, prefill)
      prefill.registered = true
    }
    for (const { rooms } of decodes) rooms.setAlive(true)
    this.#health = 'up'
    if (this.knobs.crashAtMs > 0) later(this, this.knobs.crashAtMs, () => this.die())
  }

  recordArrival(request: IncomingRequest): boolean {
    const { recordBodies, crashAfter } = this.knobs
    if (recordBodies > 0) {
      const { method, path, body, message } = request
      this.received.push({ method, path, body, headers: message.headers })
      this.received.splice(0, this.received.length - recordBodies)
    }
    if (crashAfter === 0 || this.counters.received < crashAfter) return true
    this.knobs.crashAfter = 0
    this.die()
    return false
  }

  /** Crashes the engine: connections are reset, and neither clients nor peers are notified. */
  async crash(): Promise<void> {
    this.counters.crashes++
    await this.#terminate()
    if (this.knobs.restartMs > 0 && !this.#closed) {
      this.#restartTimer = this.clock.setTimeout(() => this.#restartInBackground(), this.knobs.restartMs)
    }
  }

  /** Crashes the engine without waiting for its sockets to close. */
  die(): void {
    void this.crash()
  }

  /** Restarts the engine on the same ports, without its sequences. */
  async restart(): Promise<void> {
    this.clock.clearTimeout(this.#restartTimer)
    await this.#terminate()
    if (this.#closed) return
    this.counters.restarts++
    await this.start(this.port, this.bootstrapPort)
  }

  /** `dead` crashes the engine; `up` after that restarts it. `draining` is what SIGTERM does. */
  async setHealth(state: HealthState): Promise<void> {
    if (state === 'dead') return this.crash()
    if (this.#health === 'dead') await this.restart()
    if (STOPPED.has(state)) this.scheduler.pause()
    else if (STOPPED.has(this.#health)) this.scheduler.resume()
    if (state === 'draining') return this.#shutdown.start()
    if (state === 'exiting') return this.#shutdown.leave()
    this.#health = state
    if (state === 'scheduler-crashed') later(this, this.knobs.crashedSchedulerMs, () => this.die())
  }

  async close(): Promise<void> {
    this.#closed = true
    this.clock.clearTimeout(this.#restartTimer)
    await this.#terminate()
  }

  #restartInBackground(): void {
    void this.restart()
  }

  async #terminate(): Promise<void> {
    this.#health = 'dead'
    for (const { rooms } of this.#ranks.decodes) rooms.setAlive(false)
    if (this.#ranks.prefill !== undefined) this.#ranks.prefill.registered = false
    for (const timer of this.timers) this.clock.clearTimeout(timer)
    this.timers.clear()
    for (const generation of this.generations) generation.forget()
    this.generations.clear()
    this.scheduler.reset()
    this.table.clear()
    await Promise.all([this.#listener.destroy(), this.#bootstrap?.destroy()])
  }
}
