/**
 * The bootstrap servers that a decode engine has reached. Each is contacted once, then monitored by heartbeats.
 *
 * An attempt to reach a host that stays silent blocks the whole engine loop. In SGLang up to 2026-07, so does a host where
 * nothing listens; later versions find that out in a thread of their own, and only requests for that host wait.
 */
import type { TimerHandle } from '../clock/clock.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import { traitsOf } from '../settings/profiles.ts'
import type { Fabric, PrefillPort } from './fabric.ts'

interface Hooks {
  /** A bootstrap server has been reached: requests that wait for it can proceed. */
  connected(address: string): void
  /** All attempts have failed: requests that wait for the address fail. */
  unreachable(address: string): void
  /** A server that had been reached has stopped responding: requests that depend on it fail. */
  lost(address: string): void
  /** The engine loop is blocked for this long. */
  stalled(ms: number): void
  /** Whether no request depends on any server, so that heartbeats can stop. */
  isIdle(): boolean
}

interface Peer {
  connected: boolean
  attempts: number
  misses: number
  timer: TimerHandle | undefined
}

export class Handshakes {
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #hooks: Hooks
  readonly #peers = new Map<string, Peer>()
  #heartbeat: TimerHandle | undefined

  constructor(host: SchedulerHost, fabric: Fabric, hooks: Hooks) {
    this.#host = host
    this.#fabric = fabric
    this.#hooks = hooks
  }

  /** Returns true if the server has been reached already. Otherwise a hook is called with the outcome. */
  connect(address: string): boolean {
    this.#scheduleHeartbeat()
    const known = this.#peers.get(address)
    if (known !== undefined) return known.connected
    const peer: Peer = { connected: false, attempts: 0, misses: 0, timer: undefined }
    this.#peers.set(address, peer)
    return this.#attempt(address, peer)
  }

  reset(): void {
    const { clock } = this.#host
    clock.clearTimeout(this.#heartbeat)
    this.#heartbeat = undefined
    for (const peer of this.#peers.values()) clock.clearTimeout(peer.timer)
    this.#peers.clear()
  }

  #attempt(address: string, peer: Peer): boolean {
    const { knobs, clock } = this.#host
    const server = this.#fabric.prefillAt(address)
    if (server?.registered === true && !server.isSilent) {
      peer.connected = true
      return true
    }
    const stallMs = this.#stalls(server) ? knobs.unreachableStallMs : 0
    if (stallMs > 0) this.#hooks.stalled(stallMs)
    peer.attempts++
    peer.timer = clock.setTimeout(() => this.#retry(address, peer), Math.max(stallMs, knobs.handshakeRetryMs))
    return false
  }

  #stalls(server: PrefillPort | undefined): boolean {
    if (server === undefined) return traitsOf(this.#host.knobs).refusedHostStalls
    return server.isSilent
  }

  #retry(address: string, peer: Peer): void {
    if (peer.attempts >= this.#host.knobs.handshakeAttempts) return this.#giveUp(address)
    if (this.#attempt(address, peer)) this.#hooks.connected(address)
    // A refusal is known at once, so the last attempt has no wait after it.
    else if (peer.attempts >= this.#host.knobs.handshakeAttempts && this.#isRefused(address))
      this.#giveUp(address)
  }

  #isRefused(address: string): boolean {
    return !traitsOf(this.#host.knobs).refusedHostStalls && this.#fabric.prefillAt(address)?.isSilent !== true
  }

  #giveUp(address: string): void {
    this.#host.clock.clearTimeout(this.#peers.get(address)?.timer)
    this.#peers.delete(address)
    this.#hooks.unreachable(address)
  }

  #scheduleHeartbeat(): void {
    const { knobs, clock } = this.#host
    this.#heartbeat ??= clock.setTimeout(() => {
      this.#heartbeat = undefined
      this.#checkHeartbeats()
    }, knobs.heartbeatMs)
  }

  #checkHeartbeats(): void {
    for (const [address, peer] of this.#peers) {
      if (!peer.connected) continue
      const registered = this.#fabric.prefillAt(address)?.registered === true
      peer.misses = registered ? 0 : peer.misses + 1
      if (peer.misses < this.#host.knobs.heartbeatMaxFail) continue
      this.#peers.delete(address)
      this.#hooks.lost(address)
    }
    if (!this.#hooks.isIdle()) this.#scheduleHeartbeat()
  }
}
